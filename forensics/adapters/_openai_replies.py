"""Reads replies of the OpenAI protocol: their JSON in, one named outcome out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from forensics.adapters import Call
from forensics.adapters._replies import Reading, count, distribution, error_of, failed, judged, text_of
from forensics.records import Completion, NextToken, Outcome

ENDED = {"length": Outcome.TRUNCATED, "content_filter": Outcome.FILTERED}
THINK_OPENS, THINK_ENDS = "<think>", "</think>"
THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details")


def completed(call: Call, plain: Any) -> Reading:
    """What the choices of a reply say, or the error in their place."""
    if isinstance(plain, dict) and "error" in plain and not plain.get("choices"):
        return failed(call, 200, error_of(plain))
    choices = plain["choices"]
    if problem := error_of(choices[0]):
        return failed(call, 200, problem)
    usage = plain.get("usage") or {}
    read = [_completion(call, choice, usage, call.sample + i) for i, choice in enumerate(choices)]
    return Reading(
        read[0][0],
        str(plain.get("model") or ""),
        str(plain.get("system_fingerprint") or ""),
        str(plain.get("provider") or ""),
        read[0][1],
        others=tuple(completion for completion, _ in read[1:]),
    )


def _completion(call: Call, choice: Mapping[str, Any], usage: Mapping[str, Any], sample: int) -> tuple[Completion, str]:
    text, thought = _words(choice)
    finish = text_of(choice.get("finish_reason") or "")
    refusal = text_of((choice.get("message") or {}).get("refusal") or "")
    outcome, error = judged(text, ENDED.get(finish), thought=thought)
    if refusal and not text and outcome is not Outcome.FILTERED:
        outcome, error = Outcome.REFUSED_BY_POLICY, refusal[:500]
    counts = (count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    first = _first_distribution(call, choice.get("logprobs"))
    return Completion(call.prompt.prompt_id, text, sample, outcome, finish, first, *counts), error


def _words(choice: Mapping[str, Any]) -> tuple[str, bool]:
    """The text of a choice, and whether it thought. Thinking is taken off the text; the raw bytes keep it."""
    message = choice.get("message")
    content = choice["text"] if message is None else message.get("content") or ""
    thought = any((message or {}).get(name) for name in THOUGHTS)
    if isinstance(content, list):
        return "".join(text_of(part["text"]) for part in content if part["type"] == "text"), bool(content)
    text = text_of(content)
    if text.lstrip().startswith(THINK_OPENS):
        return text.partition(THINK_ENDS)[2].lstrip(), True
    return text, thought


def _first_distribution(call: Call, logprobs: Any) -> tuple[NextToken, ...]:
    if not call.config.top_logprobs or not logprobs:
        return ()
    if logprobs.get("content"):
        return distribution(call, [(row["token"], row["logprob"]) for row in logprobs["content"][0]["top_logprobs"]])
    if logprobs.get("top_logprobs"):
        return distribution(call, list(logprobs["top_logprobs"][0].items()))
    return ()


def assembled(pieces: Iterable[Any]) -> dict[str, Any]:
    """A streamed reply as the reply that it would have been in one piece; raises ValueError where it is cut."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for piece in pieces:
        if error_of(piece):
            return {"error": piece["error"]}
        whole |= {name: value for name, value in piece.items() if value and name != "choices"}
        for part in piece.get("choices") or ():
            _add(choices.setdefault(part.get("index", 0), {"finish_reason": None}), part)
    if not choices or any(choice["finish_reason"] is None for choice in choices.values()):
        raise ValueError("the stream ended before the reply did")
    return whole | {"choices": [choices[index] for index in sorted(choices)]}


def _add(choice: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Add one piece to a choice. Of the distributions, the first token's is the one that is read."""
    if part.get("text") is not None:
        choice["text"] = choice.get("text", "") + part["text"]
    elif "delta" in part:
        message = choice.setdefault("message", {})
        for name in ("content", "refusal", *THOUGHTS):
            if said := (part["delta"] or {}).get(name):
                message[name] = message[name] + said if name in message else said
    choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
    if part.get("logprobs"):
        choice.setdefault("logprobs", part["logprobs"])
    if part.get("error"):
        choice["error"], choice["finish_reason"] = part["error"], "error"
