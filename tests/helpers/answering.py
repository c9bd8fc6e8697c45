"""What an OpenAI-compatible server on loopback says to each question, and what it was asked when."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiohttp import web

Decide = Callable[[str, int], Any]
"""(question, how many times it was asked by now) to a response, to something to await for one, or to None: a plain
completion."""


def words_of(request_body: bytes) -> str:
    """What was asked."""
    return str(json.loads(request_body)["messages"][-1]["content"])


def completion(text: str, **more: Any) -> web.Response:
    """A whole reply."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return web.json_response({"model": "served", "choices": [choice], "usage": usage} | more)


def answering(decide: Decide = lambda *_: None, seconds: float = 0.01) -> Any:
    """A handler that takes so many seconds for each answer."""
    asked: Counter[str] = Counter()

    async def handle(request: web.Request) -> web.StreamResponse:
        question = words_of(await request.read())
        asked[question] += 1
        await asyncio.sleep(seconds)
        return decide(question, asked[question]) or completion(f"{question} indeed")

    return handle
