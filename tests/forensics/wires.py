"""The three HTTP protocols as a test server speaks them, and every kind of reply that each must name.

OpenAI's and Anthropic's are also met on a real server (test_real_servers.py). For Gemini's no server runs here: its
replies are written after the documented protocol.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from forensics.records import Outcome

SECRET = "sk-secret-value/+1"


@dataclass(frozen=True)
class Wire:
    """How one protocol spells a reply. Finish: stop, length, filter or refusal, None where it has no such end."""

    adapter: str

    def ends(self, finish: Any) -> Any:
        """The protocol's word for an end; anything that is no word passes as it stands."""
        words = {
            "openai-compatible": {"stop": "stop", "length": "length", "filter": "content_filter"},
            "anthropic": {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"},
            "gemini": {"stop": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"},
        }[self.adapter]
        return words.get(finish) if isinstance(finish, str) else finish

    def said(self, text: Any = "An apple.", finish: Any = "stop", *, thinking: str = "") -> dict[str, Any]:
        """A whole reply."""
        end = self.ends(finish)
        if self.adapter == "anthropic":
            thoughts = [{"type": "thinking", "thinking": thinking, "signature": "s"}] if thinking else []
            words = [] if text is None else [{"type": "text", "text": text}]
            usage = {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 3}
            told = {"type": "message", "role": "assistant", "model": "served-1", "stop_reason": end, "usage": usage}
            return told | {"content": thoughts + words}
        if self.adapter == "gemini":
            thoughts = [{"text": thinking, "thought": True}] if thinking else []
            words = [] if text is None else [{"text": text}]
            content = {"role": "model", "parts": thoughts + words}
            usage = {"promptTokenCount": 7, "candidatesTokenCount": 3}
            candidate = {"content": content, "finishReason": end, "index": 0}
            return {"candidates": [candidate], "modelVersion": "served-1", "usageMetadata": usage}
        message = {"role": "assistant", "content": text} | ({"reasoning_content": thinking} if thinking else {})
        choice = {"index": 0, "message": message, "finish_reason": end}
        usage = {"prompt_tokens": 7, "completion_tokens": 3}
        return {"model": "served-1", "system_fingerprint": "fp", "choices": [choice], "usage": usage}

    def error(self, message: str, code: Any = "server_error") -> dict[str, Any]:
        """An error in the protocol's own dress."""
        named = {"type": code} if self.adapter == "anthropic" else {"code": code}
        return ({"type": "error"} if self.adapter == "anthropic" else {}) | {"error": {"message": message} | named}

    def holding(self, value: Any) -> dict[str, Any]:
        """A reply whose list of completions is this."""
        lists = {"anthropic": "content", "gemini": "candidates", "openai-compatible": "choices"}
        return self.said() | {lists[self.adapter]: value}

    def pieces(self, text: str = "An apple.", finish: str = "stop", *, thinking: str = "") -> list[Any]:
        """The same reply as the data of its stream's events, without an end mark."""
        whole, half = self.said(text, finish, thinking=thinking), len(text) // 2
        parts = [part for part in (text[:half], text[half:]) if part]
        if self.adapter == "openai-compatible":
            return _openai_pieces(whole, parts, thinking)
        return _gemini_pieces(whole, parts, thinking) if self.adapter == "gemini" else _messages(whole, parts, thinking)

    @property
    def mark(self) -> bytes:
        """What ends a stream after its last event."""
        return b"data: [DONE]\n\n" if self.adapter == "openai-compatible" else b""


def _openai_pieces(whole: dict[str, Any], parts: list[str], thinking: str) -> list[Any]:
    deltas = [{"role": "assistant", "content": None}, *([{"reasoning_content": thinking}] if thinking else [])]
    deltas += [{"content": part} for part in parts]
    head = {"model": "served-1", "system_fingerprint": "fp"}
    told = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    end = {"index": 0, "delta": {}, "finish_reason": whole["choices"][0]["finish_reason"]}
    return [*told, head | {"choices": [end]}, head | {"choices": [], "usage": whole["usage"]}]


def _gemini_pieces(whole: dict[str, Any], parts: list[str], thinking: str) -> list[Any]:
    words = [{"text": thinking, "thought": True}] if thinking else []
    words += [{"text": part} for part in parts]
    told = [{"candidates": [{"content": {"role": "model", "parts": [word]}, "index": 0}]} for word in words]
    end = {"candidates": [{"finishReason": whole["candidates"][0]["finishReason"], "index": 0}]}
    return [*told, end | {"modelVersion": "served-1", "usageMetadata": whole["usageMetadata"]}]


def _messages(whole: dict[str, Any], parts: list[str], thinking: str) -> list[Any]:
    told: list[Any] = [{"type": "message_start", "message": whole | {"content": [], "stop_reason": None}}]
    blocks = [("thinking", [thinking])] if thinking else []
    for index, (kind, words) in enumerate([*blocks, ("text", parts)]):
        told.append({"type": "content_block_start", "index": index, "content_block": {"type": kind, kind: ""}})
        delta = [{"type": f"{kind}_delta", kind: word} for word in words]
        told += [{"type": "content_block_delta", "index": index, "delta": said} for said in delta]
        told.append({"type": "content_block_stop", "index": index})
    end = {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"]}, "usage": {"output_tokens": 3}}
    return [*told, {"type": "ping"}, end, {"type": "message_stop"}]


def stream(pieces: Iterable[Any], mark: bytes = b"") -> bytes:
    """Events on the wire."""
    return b"".join(b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces) + mark


WIRES = {name: Wire(name) for name in ("openai-compatible", "anthropic", "gemini")}
Answered = tuple[Any, int, Outcome]


def replies(wire: Wire) -> dict[str, Answered]:
    """Kind of reply to (body, status, the outcome it must have)."""
    whole = json.dumps(wire.said()).encode()
    kinds: dict[str, Answered] = {
        "plain": (wire.said(), 200, Outcome.COMPLETED),
        "cut by length": (wire.said("An app", "length"), 200, Outcome.TRUNCATED),
        "empty text": (wire.said(""), 200, Outcome.EMPTY),
        "no text": (wire.said(None), 200, Outcome.EMPTY),
        "spaces alone": (wire.said(" \n"), 200, Outcome.EMPTY),
        "reasoning alone": (wire.said(None, thinking="Let me think"), 200, Outcome.EMPTY),
        "reasoning, then cut": (wire.said("", "length", thinking="Let me"), 200, Outcome.EMPTY),
        "reasoning and text": (wire.said(thinking="Let me think"), 200, Outcome.COMPLETED),
        "words that look like a refusal": (wire.said("I'm sorry, I can't."), 200, Outcome.COMPLETED),
        "words that look like an error": (wire.said('{"error": "429 rate limit"}'), 200, Outcome.COMPLETED),
        "NUL in the text": (wire.said("a\0b"), 200, Outcome.COMPLETED),
        "throttled": (wire.error("slow down", "rate_limit_error"), 429, Outcome.THROTTLED),
        "overloaded": (wire.error("overloaded", "overloaded_error"), 529, Outcome.THROTTLED),
        "gateway timeout": (b"", 504, Outcome.TIMED_OUT),
        "request timeout": (b"", 408, Outcome.TIMED_OUT),
        "server error": (b"<html>oops</html>", 500, Outcome.FAILED),
        "unavailable": (wire.error("down"), 503, Outcome.FAILED),
        "wrong key": (wire.error(f"bad key {SECRET}"), 401, Outcome.FAILED),
        "no such model": (wire.error("not found"), 404, Outcome.FAILED),
        "redirect": (b"", 307, Outcome.FAILED),
        "200 with an error": (wire.error("broken"), 200, Outcome.FAILED),
        "200 with a status inside": (wire.error("slow down", 429), 200, Outcome.THROTTLED),
        "error as text": ({"error": "broken"}, 200, Outcome.FAILED),
        "bad JSON": (whole[:-1], 200, Outcome.MALFORMED),
        "cut in the middle": (whole[: len(whole) // 2], 200, Outcome.MALFORMED),
        "HTML": (b"<!doctype html><title>Sign in</title>", 200, Outcome.MALFORMED),
        "nothing": (b"", 200, Outcome.MALFORMED),
        "bad UTF-8": (whole.replace(b"An apple", b"An \xff\xfe"), 200, Outcome.MALFORMED),
        "UTF-16": (b"\xff\xfe" + whole.decode().encode("utf-16-le")[:-1], 200, Outcome.MALFORMED),
        "no completions": (wire.said() | {"choices": [], "candidates": []} | {"type": "x"}, 200, Outcome.MALFORMED),
        "completions of another type": (wire.holding("text"), 200, Outcome.MALFORMED),
        "completions of null": (wire.holding([None]), 200, Outcome.MALFORMED),
        "an empty object": ({}, 200, Outcome.MALFORMED),
        "a list": ([1, 2], 200, Outcome.MALFORMED),
        "a number": (b"12", 200, Outcome.MALFORMED),
        "null": (b"null", 200, Outcome.MALFORMED),
        "text of another type": (wire.said({"a": 1}), 200, Outcome.MALFORMED),
        "finish of another type": (wire.said(finish=3), 200, Outcome.MALFORMED),
        "lone surrogate": (whole.replace(b"An apple", b"\\ud800"), 200, Outcome.MALFORMED),
        "nested too deep": (b"[" * 200_000, 200, Outcome.MALFORMED),
        "a stream where none was asked": (stream(wire.pieces(), wire.mark), 200, Outcome.MALFORMED),
        "a number too long": (whole.replace(b"3", b"9" * 5000), 200, Outcome.MALFORMED),
    }
    if wire.ends("filter"):
        kinds["filtered"] = (wire.said("", "filter"), 200, Outcome.FILTERED)
        kinds["filtered in the middle"] = (wire.said("An", "filter"), 200, Outcome.FILTERED)
    if wire.ends("refusal"):
        kinds["declined by policy"] = (wire.said("", "refusal"), 200, Outcome.REFUSED_BY_POLICY)
    return kinds | _own(wire)


def _own(wire: Wire) -> dict[str, Answered]:
    """Kinds that one protocol alone knows."""
    if wire.adapter == "gemini":
        blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "served-1"}
        bare = wire.said() | {"candidates": [{"index": 0}]}
        return {
            "prompt blocked": (blocked, 200, Outcome.FILTERED),
            "ended without content": (wire.holding([{"finishReason": "MAX_TOKENS"}]), 200, Outcome.EMPTY),
            "a bare candidate": (bare, 200, Outcome.MALFORMED),
        }
    if wire.adapter == "anthropic":
        return {"not a message": (wire.said() | {"type": "completion"}, 200, Outcome.MALFORMED)}
    refused, listed, unfinished = wire.said(None), wire.said(None), wire.said("<think>Let me", "length")
    refused["choices"][0]["message"]["refusal"] = "I cannot."
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "An apple."}]
    listed["choices"][0]["message"]["content"] = parts
    broken = wire.said("An")
    broken["choices"][0] |= {"finish_reason": "error", "error": {"code": 502, "message": "upstream"}}
    return {
        "filtered by status": (wire.error("no", "content_filter"), 400, Outcome.FILTERED),
        "a refusal in its own field": (refused, 200, Outcome.REFUSED_BY_POLICY),
        "content in parts": (listed, 200, Outcome.COMPLETED),
        "unfinished thinking in the text": (unfinished, 200, Outcome.EMPTY),
        "an error inside the choice": (broken, 200, Outcome.FAILED),
        "an error in a list": ([wire.error("quota")], 429, Outcome.THROTTLED),
    }


def streams(wire: Wire) -> dict[str, tuple[bytes, Outcome]]:
    """Kind of stream to (its bytes, the outcome it must have)."""
    pieces, length = wire.pieces(), wire.pieces("An app", "length")
    whole = stream(pieces, wire.mark)
    return {
        "whole": (whole, Outcome.COMPLETED),
        "with carriage returns and comments": (b": hello\r\n\r\n" + whole.replace(b"\n", b"\r\n"), Outcome.COMPLETED),
        "with thinking": (stream(wire.pieces(thinking="Hm"), wire.mark), Outcome.COMPLETED),
        "thinking alone": (stream(wire.pieces("", thinking="Hm"), wire.mark), Outcome.EMPTY),
        "cut by length": (stream(length, wire.mark), Outcome.TRUNCATED),
        "cut after the first words": (stream(pieces[:3] if len(pieces) > 4 else pieces[:1]), Outcome.MALFORMED),
        "cut inside an event": (whole[: whole.index(b"An") + 4], Outcome.MALFORMED),
        "nothing": (b"", Outcome.MALFORMED),
        "an end mark alone": (b"data: [DONE]\n\n", Outcome.MALFORMED),
        "an error in the middle": (stream([*pieces[:2], wire.error("overloaded", 529)]), Outcome.THROTTLED),
        "bad JSON in an event": (b"data: {]\n\n" + whole, Outcome.MALFORMED),
        "bad UTF-8": (whole.replace(b"An", b"\xff"), Outcome.MALFORMED),
        "events of another type": (b"data: 12\n\n", Outcome.MALFORMED),
        "HTML": (b"<html></html>", Outcome.MALFORMED),
    }
