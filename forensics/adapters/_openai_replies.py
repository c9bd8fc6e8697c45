"""Reads replies of the OpenAI protocol: bytes and status in, one named outcome out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from forensics.adapters import Call
from forensics.outbound import Answer
from forensics.records import Completion, NextToken, Outcome

HEADERS = ("content-type", "date", "retry-after", "server", "via", "openai-version", "openai-processing-ms")
HEADER_PREFIXES = ("x-request", "x-ratelimit", "cf-ray", "x-model", "x-provider")
FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
THINK_OPENS, THINK_ENDS = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says."""

    completion: Completion
    returned_model: str = ""
    system_fingerprint: str = ""
    error: str = ""


def read_reply(call: Call, answer: Answer) -> Reading:
    """The reading of any answer. Never raises: what cannot be understood is malformed."""
    try:
        plain = json.loads(answer.body)
    except (ValueError, RecursionError):
        plain = None
    if answer.status != 200:
        return _failed(call, answer.status, plain)
    try:
        return _completed(call, plain)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as problem:
        return _without_text(call, Outcome.MALFORMED, f"not a reply of this protocol: {problem!r}")


def _failed(call: Call, status: int, plain: Any) -> Reading:
    code, message = _error_of(plain)
    error = f"status {status}: {message}".strip(": ")
    if status == 429:
        return _without_text(call, Outcome.THROTTLED, error)
    if status in (408, 504):
        return _without_text(call, Outcome.TIMED_OUT, error)
    if code.lower() in FILTER_CODES:
        return _without_text(call, Outcome.FILTERED, error)
    return _without_text(call, Outcome.FAILED, error)


def _error_of(plain: Any) -> tuple[str, str]:
    found = plain.get("error") if isinstance(plain, dict) else None
    if isinstance(found, dict):
        return str(found.get("code") or found.get("type") or ""), str(found.get("message") or "")
    return "", str(found or "")


def _without_text(call: Call, outcome: Outcome, error: str) -> Reading:
    return Reading(Completion(call.prompt.prompt_id, "", call.sample, outcome), error=error[:500])


def _completed(call: Call, plain: Any) -> Reading:
    if isinstance(plain, dict) and "error" in plain and not plain.get("choices"):
        return _without_text(call, Outcome.FAILED, f"status 200 with an error: {_error_of(plain)[1]}")
    choice = plain["choices"][0]
    text, refusal = _words(choice)
    finish = choice.get("finish_reason") or ""
    if not isinstance(finish, str):
        raise TypeError("finish_reason is not text")
    text.encode("utf-8")  # a lone surrogate cannot be stored or hashed
    outcome, error = _outcome(text, refusal, finish, _thought(choice))
    usage = plain.get("usage") or {}
    completion = Completion(
        call.prompt.prompt_id,
        text,
        call.sample,
        outcome,
        finish,
        _first_distribution(call, choice.get("logprobs")),
        _count(usage.get("prompt_tokens")),
        _count(usage.get("completion_tokens")),
    )
    return Reading(completion, str(plain.get("model") or ""), str(plain.get("system_fingerprint") or ""), error)


def _words(choice: Mapping[str, Any]) -> tuple[str, str]:
    """Text and refusal of a choice. Thinking at the head of the text is taken off; the raw bytes keep it."""
    message = choice.get("message")
    text = choice["text"] if message is None else message.get("content") or ""
    refusal = "" if message is None else message.get("refusal") or ""
    if not isinstance(text, str) or not isinstance(refusal, str):
        raise TypeError("the content is not text")
    if text.lstrip().startswith(THINK_OPENS):
        text = text.partition(THINK_ENDS)[2].lstrip()
    return text, refusal


def _thought(choice: Mapping[str, Any]) -> bool:
    message = choice.get("message") or {}
    kept = message.get("reasoning_content") or message.get("reasoning") or message.get("content") or ""
    return bool(kept)


def _outcome(text: str, refusal: str, finish: str, thought: bool) -> tuple[Outcome, str]:
    if finish == "content_filter":
        return Outcome.FILTERED, "the provider's filter"
    if refusal and not text:
        return Outcome.REFUSED_BY_POLICY, refusal[:500]
    if not text.strip():
        return Outcome.EMPTY, "reasoning only" if thought else ""
    return (Outcome.TRUNCATED, "") if finish == "length" else (Outcome.COMPLETED, "")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _first_distribution(call: Call, logprobs: Any) -> tuple[NextToken, ...]:
    if not call.config.top_logprobs or not logprobs:
        return ()
    if logprobs.get("content"):
        rows = [(str(row["token"]), float(row["logprob"])) for row in logprobs["content"][0]["top_logprobs"]]
    elif logprobs.get("top_logprobs"):
        rows = [(str(token), float(value)) for token, value in logprobs["top_logprobs"][0].items()]
    else:
        return ()
    top = sorted(((t, p) for t, p in rows if math.isfinite(p)), key=lambda row: (-row[1], row[0]))
    return (NextToken(len(call.prompt.text), tuple(top)),) if top else ()


def headers_kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are evidence, in lower case. Cookies and everything unknown are dropped."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {n: v[:300] for n, v in sorted(lower.items()) if n in HEADERS or n.startswith(HEADER_PREFIXES)}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (a number or a date), or None where it says nothing sensible."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
