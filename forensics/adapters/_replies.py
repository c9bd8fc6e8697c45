"""What the HTTP protocols have in common when a reply is read: status, errors, counts, headers, and naming outcomes.

Outcomes are told by status and structure, never by searching the text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from forensics.adapters import Call
from forensics.records import Completion, NextToken, Outcome

HEADERS = frozenset(
    {"content-type", "date", "retry-after", "retry-after-ms", "server", "via", "openai-version", "openai-processing-ms"}
    | {"request-id", "anthropic-version", "cf-ray"}
)
HEADER_PREFIXES = ("x-request", "x-ratelimit", "x-model", "x-provider", "x-openrouter", "anthropic-ratelimit")
FILTER_CODES = frozenset({"content_filter", "content_policy_violation", "responsibleaipolicyviolation"})
THROTTLED, TIMED_OUT = frozenset({429, 529}), frozenset({408, 504, 524})
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, RecursionError)
"""What reading a reply of another shape may raise; such a reply is malformed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reply says."""

    completion: Completion
    returned_model: str = ""
    system_fingerprint: str = ""
    provider: str = ""
    error: str = ""
    retry_after: float | None = None
    others: tuple[Completion, ...] = ()


def plain_of(body: bytes) -> Any:
    """The JSON in a body, or None where there is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def without_text(call: Call, outcome: Outcome, error: str, retry_after: float | None = None) -> Reading:
    """A reading that carries no words of the model."""
    completion = Completion(call.prompt.prompt_id, "", call.sample, outcome)
    return Reading(completion, error=error[:500], retry_after=retry_after)


def malformed(call: Call, problem: object) -> Reading:
    """The reading of what is no reply of the protocol."""
    return without_text(call, Outcome.MALFORMED, f"not a reply of this protocol: {problem}")


def error_of(plain: Any) -> Mapping[str, Any]:
    """The error that a reply carries, as code and message at least; empty where it carries none."""
    if isinstance(plain, list) and plain:
        plain = plain[0]
    found = plain.get("error") if isinstance(plain, dict) else None
    if isinstance(found, dict):
        return {**found, "code": found.get("code") or found.get("type") or "", "message": found.get("message") or ""}
    return {"code": "", "message": str(found)} if found else {}


def failed(call: Call, status: int, error: Mapping[str, Any], asked: float | None = None) -> Reading:
    """The reading of a reply that reports a failure. A code that is an HTTP status counts as one."""
    code, message = error.get("code", ""), f"status {status}: {error.get('message', '')}".strip(": ")
    if isinstance(code, int) and 400 <= code < 600:
        status = code
    if status in THROTTLED or (status == 503 and asked is not None):
        return without_text(call, Outcome.THROTTLED, message, asked)
    if status in TIMED_OUT:
        return without_text(call, Outcome.TIMED_OUT, message)
    filtered = str(code).lower() in FILTER_CODES
    return without_text(call, Outcome.FILTERED if filtered else Outcome.FAILED, message)


def judged(text: str, ended: Outcome | None, *, thought: bool) -> tuple[Outcome, str]:
    """The outcome of words and of how they ended (None: by themselves), and a remark on it."""
    if ended is Outcome.FILTERED:
        return ended, "the provider's filter"
    if ended is Outcome.REFUSED_BY_POLICY:
        return ended, "declined by the provider's policy"
    if not text.strip():
        return Outcome.EMPTY, "reasoning only" if thought else ""
    return ended or Outcome.COMPLETED, ""


def text_of(value: Any) -> str:
    """The value, which has to be text that can be stored and hashed; raises TypeError or ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"text was expected, not {type(value).__name__}")
    value.encode("utf-8")  # a lone surrogate
    return value


def count(value: Any) -> int | None:
    """A number of tokens, or None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def distribution(call: Call, rows: Sequence[tuple[Any, Any]]) -> tuple[NextToken, ...]:
    """The distribution after the whole prompt, most probable first; empty where no row is finite."""
    told = ((str(token), float(logp)) for token, logp in rows)
    top = sorted((row for row in told if math.isfinite(row[1])), key=lambda row: (-row[1], row[0]))
    return (NextToken(len(call.prompt.text), tuple(top)),) if top else ()


def headers_kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are evidence, in lower case. Cookies and everything unknown are dropped."""
    lower = {name.lower(): value for name, value in headers.items()}
    return {n: v[:300] for n, v in sorted(lower.items()) if n in HEADERS or n.startswith(HEADER_PREFIXES)}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (told as such, in milliseconds or as a date), or None: nothing sensible."""
    lower = {name.lower(): value for name, value in headers.items()}
    exact = _number(lower.get("retry-after-ms", ""))
    if exact is not None:
        return max(0.0, exact / 1000)
    said = lower.get("retry-after", "")
    seconds = _number(said)
    if seconds is None:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds)


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
