"""Server-sent events: the bytes of a streamed reply as its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from forensics.outbound import Answer

END = "[DONE]"


def is_stream(answer: Answer) -> bool:
    """Whether the server streams; one that was asked to and does not sends plain JSON, which reads as well."""
    kinds = (value for name, value in answer.headers.items() if name.lower() == "content-type")
    return any("event-stream" in kind.lower() for kind in kinds)


def events(body: bytes) -> Iterator[Any]:
    """The JSON of each event, up to the end mark. Raises ValueError at bytes that are not UTF-8 or not JSON."""
    text = body.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    for block in text.split("\n\n"):
        lines = (line.removeprefix("data:").removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        data = "\n".join(lines)
        if data.strip() == END:
            return
        if data:
            yield json.loads(data)
