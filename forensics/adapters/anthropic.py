"""Models behind Anthropic's Messages API, or a server that speaks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forensics.adapters import Call, Target
from forensics.adapters._endpoint import AT_ONCE, Endpoint, NotOffered
from forensics.adapters._replies import Reading, count, error_of, failed, judged, text_of
from forensics.records import Completion, Declaration, Mode, Outcome

VERSION = "2023-06-01"
ENDED = {
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "refusal": Outcome.REFUSED_BY_POLICY,
}
GROWING = {"text_delta": "text", "thinking_delta": "thinking"}


class Anthropic(Endpoint):
    """The plug-in. `Target.location` is the base URL, such as ``https://host/v1``."""

    declaration = Declaration(
        name="anthropic",
        version="1",
        title="Anthropic Messages API",
        source="Anthropic API reference: messages, streaming messages, models",
        parameters={"concurrency": AT_ONCE, "anthropic-version": VERSION},
        limitations=(
            "no seed, no token probabilities, no raw text, one completion a call",
            "temperature ends at 1; some models take none and then turn the call away",
        ),
    )
    protocol = "anthropic"
    offers = frozenset({"temperature"})

    def headers(self, target: Target) -> Mapping[str, str]:
        """JSON, the version of the protocol, and the secret."""
        headers = {"Content-Type": "application/json", "anthropic-version": VERSION}
        return headers | ({"x-api-key": target.secret} if target.secret else {})

    def request_of(self, call: Call, target: Target) -> tuple[str, dict[str, Any]]:
        """The path below the base URL and the JSON body for one call. top_p is left out where it cuts nothing."""
        if call.prompt.mode is Mode.RAW:
            raise NotOffered("the Messages API continues no raw text")
        config = call.config
        told = [m.content for m in call.prompt.messages if m.role == "system"]
        turns = [{"role": m.role, "content": m.content} for m in call.prompt.messages if m.role != "system"]
        body: dict[str, Any] = {"model": target.model, "max_tokens": config.max_tokens, "messages": turns}
        if told:
            body["system"] = "\n\n".join(told)
        body["temperature"] = config.temperature
        if config.top_p < 1:
            body["top_p"] = config.top_p
        return "/messages", body | {"stream": target.stream}

    def completed(self, call: Call, plain: Any) -> Reading:
        """What a message says, or the error in its place."""
        if problem := error_of(plain):
            return failed(call, 200, problem)
        if plain["type"] != "message":
            raise ValueError(f"a {plain['type']!r} is no message")
        blocks, finish = plain["content"], text_of(plain.get("stop_reason") or "")
        text = "".join(text_of(block["text"]) for block in blocks if block["type"] == "text")
        outcome, error = judged(text, ENDED.get(finish), thought=bool(blocks))
        usage = plain.get("usage") or {}
        counts = (_read_tokens(usage), count(usage.get("output_tokens")))
        completion = Completion(call.prompt.prompt_id, text, call.sample, outcome, finish, (), *counts)
        return Reading(completion, str(plain.get("model") or ""), error=error)

    def assembled(self, pieces: Iterable[Any]) -> dict[str, Any]:
        """The message that the events of a stream make; raises ValueError where it is cut."""
        message: dict[str, Any] = {}
        for piece in pieces:
            kind = piece["type"]
            if kind == "error":
                return dict(piece)
            if kind == "message_start":
                message = dict(piece["message"]) | {"content": []}
            elif kind == "content_block_start":
                message["content"].append(dict(piece["content_block"]))
            elif kind == "content_block_delta":
                _grow(message["content"][piece["index"]], piece["delta"])
            elif kind == "message_delta":
                message |= piece["delta"]
                message["usage"] = (message.get("usage") or {}) | (piece.get("usage") or {})
            elif kind == "message_stop":
                return message
        raise ValueError("the stream ended before the reply did")


def _read_tokens(usage: Mapping[str, Any]) -> int | None:
    """Tokens of the prompt: those that came from the cache are counted apart by the server."""
    parts = [count(usage.get(name)) for name in ("input_tokens", "cache_read_input_tokens")]
    return None if parts[0] is None else sum(part or 0 for part in parts)


def _grow(block: dict[str, Any], delta: Mapping[str, Any]) -> None:
    if name := GROWING.get(delta["type"]):
        block[name] = block.get(name, "") + delta[name]


PLUGIN = Anthropic()
