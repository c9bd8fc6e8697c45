"""promptfoo's results: the JSON file that `promptfoo eval --output results.json` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from forensics.corpora._rows import UNREADABLE, Row, RowsCorpus, bounded, head, parsed, prompt_of, said
from forensics.errors import CorpusError
from forensics.records import Completion, Declaration, Outcome
from forensics.transcripts import FINISH, MOST


def _rows(path: Path) -> Iterator[Row]:
    plain = parsed(bounded(path), path.name)
    try:
        listed = plain["results"]["results"]
        # Rows stand in the order in which replies came; a test's number tells repeats apart.
        order = sorted(range(len(listed)), key=lambda i: (listed[i].get("testIdx", 0), i))
    except UNREADABLE as problem:
        raise CorpusError(f"not promptfoo's results: {problem!r}", where=path.name) from None
    for place in order:
        where = f"{path.name}, result {place + 1}"
        try:
            yield _row(where, listed[place])
        except UNREADABLE as problem:
            raise CorpusError(f"not a result: {problem!r}", where=where) from None


def _row(where: str, result: Mapping[str, Any]) -> Row:
    provider = result["provider"]
    model = provider if isinstance(provider, str) else provider.get("label") or provider["id"]
    return Row(where, str(model), prompt_of("pf", _messages(result["prompt"]["raw"])), _completion(result))


def _messages(raw: str) -> list[tuple[str, str]]:
    """The messages that a prompt spells as JSON, or the prompt as one message."""
    if raw.lstrip().startswith("["):
        try:
            return [(turn["role"], turn["content"]) for turn in json.loads(raw)]
        except (*UNREADABLE, RecursionError):
            pass
    return [("user", raw)]


def _completion(result: Mapping[str, Any]) -> Completion:
    response = result.get("response") or {}
    output, finish = response.get("output"), str(response.get("finishReason") or "")
    if output is None and (response.get("error") or result.get("error")):
        return said("", Outcome.FAILED)
    if not isinstance(output, str):  # promptfoo parsed it: the words themselves are not there
        return said("", Outcome.EMPTY if output is None else Outcome.MALFORMED, finish)
    spent = response.get("tokenUsage") or {}
    counts = {"prompt_tokens": _count(spent.get("prompt")), "completion_tokens": _count(spent.get("completion"))}
    return said(output, FINISH.get(finish), finish, **counts)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST else None


class Promptfoo:
    """The reader plug-in."""

    declaration = Declaration(
        "promptfoo",
        "1",
        "Results of promptfoo (JSON)",
        "promptfoo, output format JSON, versions 2 and 3",
        limitations=(
            "an output that promptfoo transformed or parsed is not what the model wrote",
            "replies may come from promptfoo's cache, so that repeats are one reply told twice",
        ),
    )

    def recognises(self, path: Path) -> bool:
        """Whether it is a .json file that begins as promptfoo's do."""
        if path.suffix.lower() != ".json" or not path.is_file():
            return False
        begun = head(path)
        return begun.lstrip().startswith(b"{") and b'"results"' in begun and b'"eval"' not in begun

    def read(self, path: Path) -> RowsCorpus:
        """Open the file."""
        return RowsCorpus(path, partial(_rows, path))


PLUGIN = Promptfoo()
