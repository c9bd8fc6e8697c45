"""An OpenAI-compatible server on loopback that obeys some sampling parameters, and drops others without a word."""

from __future__ import annotations

import itertools
from typing import Any

from aiohttp import web

from tests.helpers.serving import Handler

ALL = frozenset({"temperature", "seed", "n", "logprobs", "usage", "limit", "model", "raw"})
KEY = "sk-the-right-key"


def pretending(*ignored: str) -> Handler:
    """A handler that obeys all parameters but those named."""
    obeyed, noise = ALL - set(ignored), itertools.count()

    def words(asked: dict[str, Any], more: int) -> str:
        if "temperature" not in obeyed:
            return "always the same"
        if not asked["temperature"]:
            return "greedy"
        return f"drawn {asked.get('seed', next(noise)) if 'seed' in obeyed else next(noise)} {more}"

    async def handle(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.json_response({"error": {"message": f"wrong key {KEY}"}}, status=401)
        if request.method == "GET":
            return web.json_response({"data": [{"id": "asked-1"}]})
        asked = await request.json()
        if "prompt" in asked and "raw" not in obeyed:
            return web.json_response({"error": {"message": "no such path"}}, status=404)
        number = asked.get("n", 1) if "n" in obeyed else 1
        choices = [_choice(asked, words(asked, more), obeyed) for more in range(number)]
        spent = 9 if "limit" in obeyed else 9000
        counted = {"usage": {"prompt_tokens": 5, "completion_tokens": spent}} if "usage" in obeyed else {}
        return web.json_response({"model": "asked-1" if "model" in obeyed else "other", "choices": choices} | counted)

    return handle


def _choice(asked: dict[str, Any], text: str, obeyed: frozenset[str]) -> dict[str, Any]:
    said = {"text": text} if "prompt" in asked else {"message": {"role": "assistant", "content": text}}
    top = [{"token": t, "logprob": -1.0 - i} for i, t in enumerate("abcde"[: asked.get("top_logprobs", 0)])]
    told = {"logprobs": {"content": [{"token": "a", "logprob": -1.0, "top_logprobs": top}]}}
    return said | {"finish_reason": "stop"} | (told if top and "logprobs" in obeyed else {})
