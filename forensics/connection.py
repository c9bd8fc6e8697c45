"""Tests the connection to an endpoint: name, key, model and latency apart, and which sampling parameters are obeyed.

What a server says that it supports is not believed: a few small calls find out whether temperature, seed, n and
log-probabilities change what comes back.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from forensics.adapters import UNPACED, Adapter, Call, Pacer, Reply, Target
from forensics.errors import AdapterError, BadInput
from forensics.outbound import Limits, look_up
from forensics.provenance import sha256
from forensics.records import GenerationConfig, Prompt

GOOD, WARNING, FAILED, UNKNOWN = "good", "warning", "failed", "unknown"
LIMITS = Limits(connect=5.0, read=20.0, total=30.0)
TOKENS, LOGPROBS, SEVERAL = 64, 5, 2
WORDS = Prompt.chat("connection-words", "Write twelve unrelated words.")
TEXT = Prompt.raw("connection-text", "It was late when")
WARM: dict[str, Any] = {"max_tokens": TOKENS, "temperature": 1.0}
COLD: dict[str, Any] = {"max_tokens": TOKENS, "temperature": 0.0}
CALLS: Mapping[str, tuple[Prompt, dict[str, Any], str]] = {
    "seed 11": (WORDS, WARM | {"seed": 11}, ""),
    "seed 12": (WORDS, WARM | {"seed": 12}, ""),
    "seed 13": (WORDS, WARM | {"seed": 13}, ""),
    "seed 11 again": (WORDS, WARM | {"seed": 11}, "seed"),
    "temperature 0": (WORDS, COLD, "temperature"),
    "temperature 0 again": (WORDS, COLD, "temperature"),
    "log-probabilities": (WORDS, COLD | {"top_logprobs": LOGPROBS}, "logprobs"),
    "two at once": (WORDS, WARM | {"seed": 14, "samples": SEVERAL}, "n"),
    "raw text": (TEXT, COLD, "raw"),
}
"""Name of a call to its prompt, how it is drawn, and the parameter without which it is not made."""


class Reachable(Adapter, Protocol):
    """An adapter that sends over the network."""

    def offered(self, target: Target) -> frozenset[str]:
        """Which of temperature, seed, n, logprobs and raw are sent to this target at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing: good, warning, failed or unknown, and in words."""

    name: str
    state: str
    told: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a test of a connection found, and each call that was made with the hashes of its bytes."""

    findings: tuple[Finding, ...]
    calls: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A plain mapping, to be stored."""
        return {
            "findings": [asdict(finding) for finding in self.findings],
            "calls": [dict(call) for call in self.calls],
        }


def planned(adapter: Any, target: Target) -> int:
    """How many small calls a test makes; 0 where the adapter sends nothing over a network. Raises BadInput."""
    return len(_names(adapter, target)) if hasattr(adapter, "offered") else 0


def _reachable(adapter: Any) -> Reachable:
    if not hasattr(adapter, "offered"):
        raise BadInput(f"{adapter.declaration.title} has no connection to test")
    reachable: Reachable = adapter
    return reachable


def _names(adapter: Reachable, target: Target) -> list[str]:
    offered = adapter.offered(target)
    return [name for name, (_, _, needed) in CALLS.items() if not needed or needed in offered]


def examine(adapter: Any, target: Target, pacer: Pacer = UNPACED) -> Report:
    """The findings, in the order in which things can go wrong; what stands behind a failure is not tried."""
    reachable = _reachable(adapter)
    findings: list[Finding] = []
    try:
        host, addresses, seconds = asyncio.run(look_up(target.location, target.private_hosts))
        findings.append(Finding("name", GOOD, f"{host} is {', '.join(addresses[:4])} ({seconds * 1000:.0f} ms)"))
    except AdapterError as problem:
        return Report((Finding("name", FAILED, str(problem)),))
    try:
        listed = reachable.check(target)
    except AdapterError as problem:
        return Report((*findings, Finding("answer", FAILED, str(problem))))
    replies = _ask(reachable, target, pacer)
    findings += [_key(replies), _model(target, listed, replies), _latency(listed, replies)]
    if any(reply.completion.outcome.has_text for reply in replies.values()):
        findings += _parameters(reachable.offered(target), replies)
    return Report(tuple(findings), tuple(_kept(name, reply) for name, reply in replies.items()))


def _ask(adapter: Any, target: Target, pacer: Pacer) -> dict[str, Reply]:
    """Name of each call to its reply; all of them are under way at once."""
    calls = {}
    for sample, name in enumerate(_names(adapter, target)):
        prompt, drawing, _ = CALLS[name]
        calls[name] = Call(prompt, sample, GenerationConfig(**drawing))
    with adapter.open(target, pacer, limits=LIMITS) as session:
        came = {(reply.call.prompt.prompt_id, reply.call.sample): reply for reply in session.send(list(calls.values()))}
    return {name: came[call.prompt.prompt_id, call.sample] for name, call in calls.items()}


def _kept(name: str, reply: Reply) -> dict[str, Any]:
    return {
        "call": name,
        "outcome": reply.completion.outcome.value,
        "status": reply.status,
        "milliseconds": round(reply.elapsed * 1000),
        "request_sha256": sha256(reply.request),
        "raw_sha256": sha256(reply.raw),
    }


def _key(replies: Mapping[str, Reply]) -> Finding:
    refused = next((reply for reply in replies.values() if reply.status in (401, 403)), None)
    if refused:
        return Finding("key", FAILED, f"turned away: {refused.error}")
    if any(reply.status == 200 for reply in replies.values()):
        return Finding("key", GOOD, "calls are let through")
    return Finding("key", UNKNOWN, "no call was answered, so that nothing is known of it")


def _model(target: Target, listed: Mapping[str, str], replies: Mapping[str, Reply]) -> Finding:
    told = {"true": "listed", "false": "not listed"}.get(listed.get("model_listed", ""), "no list of models is offered")
    first = next(iter(replies.values()))
    names = sorted({reply.returned_model for reply in replies.values() if reply.returned_model})
    if not any(reply.status == 200 for reply in replies.values()):
        return Finding("model", FAILED, f"{target.model}: {told}; {first.error or first.completion.outcome}")
    if names and names != [target.model]:
        return Finding("model", WARNING, f"{told}; replies name {', '.join(names)} where {target.model} was asked for")
    return Finding("model", GOOD, f"{told}; replies name {names[0] if names else 'no model'}")


def _latency(listed: Mapping[str, str], replies: Mapping[str, Reply]) -> Finding:
    times = [reply.elapsed * 1000 for reply in replies.values() if reply.status == 200]
    if not times:
        return Finding("latency", UNKNOWN, f"{listed.get('latency_ms', '?')} ms for a request without a probe")
    calls = f"{statistics.median(times):.0f} ms a call in the middle, {max(times):.0f} ms at most"
    return Finding("latency", GOOD, f"{listed.get('latency_ms', '?')} ms for a request without a probe; {calls}")


def _parameters(offered: frozenset[str], replies: Mapping[str, Reply]) -> list[Finding]:
    judged = {"temperature": _temperature, "seed": _seed, "n": _several, "logprobs": _logprobs, "raw": _raw}
    unsent = "not sent: this protocol or preset has none"
    found = [
        judge(replies) if name in offered else Finding(NAMES[name], UNKNOWN, unsent) for name, judge in judged.items()
    ]
    return [*found, _usage(list(replies.values()))]


NAMES = {"temperature": "temperature", "seed": "seed", "n": "n", "logprobs": "log-probabilities", "raw": "raw text"}


def _texts(replies: Mapping[str, Reply], *names: str) -> list[str]:
    """The words of these calls; raises LookupError, with what came instead, where one has none."""
    for name in names:
        reply = replies[name]
        if not reply.completion.outcome.has_text:
            raise LookupError(f"{name}: {reply.completion.outcome}{f' ({reply.error})' if reply.error else ''}")
    return [replies[name].completion.text for name in names]


def _temperature(replies: Mapping[str, Reply]) -> Finding:
    try:
        warm = _texts(replies, "seed 11", "seed 12", "seed 13")
        cold = _texts(replies, "temperature 0", "temperature 0 again")
    except LookupError as missing:
        return Finding("temperature", UNKNOWN, str(missing))
    if len(set(warm)) == 1:
        return Finding("temperature", WARNING, "ignored, or replies come from a cache: at 1, three seeds gave one text")
    if cold[0] != cold[1]:
        return Finding("temperature", WARNING, "ignored, or the server is not exact: at 0, two calls gave two texts")
    return Finding("temperature", GOOD, "obeyed: texts differ at 1 and are the same at 0")


def _seed(replies: Mapping[str, Reply]) -> Finding:
    try:
        first, other, third, again = _texts(replies, "seed 11", "seed 12", "seed 13", "seed 11 again")
    except LookupError as missing:
        return Finding("seed", UNKNOWN, str(missing))
    if first != again:
        return Finding(
            "seed", WARNING, "silently ignored: one seed gave two texts, so that no reply can be drawn again"
        )
    if len({first, other, third}) == 1:
        return Finding("seed", UNKNOWN, "cannot be told: other seeds gave the same text too")
    return Finding("seed", GOOD, "obeyed: one seed gave one text, other seeds gave others")


def _several(replies: Mapping[str, Reply]) -> Finding:
    reply = replies["two at once"]
    if not reply.completion.outcome.has_text:
        return Finding(
            "n", WARNING, f"not to be had: {reply.error or reply.completion.outcome}; collections do without"
        )
    got = 1 + len(reply.others)
    if got != SEVERAL:
        return Finding("n", WARNING, f"silently ignored: {got} came for {SEVERAL}; collections send one call a sample")
    return Finding("n", GOOD, f"obeyed: {got} completions came for one call")


def _logprobs(replies: Mapping[str, Reply]) -> Finding:
    reply = replies["log-probabilities"]
    told = reply.completion.next_tokens
    if told:
        return Finding("log-probabilities", GOOD, f"given: {len(told[0].top)} where {LOGPROBS} were asked for")
    if reply.completion.outcome.has_text:
        return Finding("log-probabilities", WARNING, "silently ignored: a reply came without any")
    return Finding("log-probabilities", WARNING, f"not to be had: {reply.error or reply.completion.outcome}")


def _raw(replies: Mapping[str, Reply]) -> Finding:
    reply = replies["raw text"]
    if reply.completion.outcome.has_text:
        return Finding("raw text", GOOD, "continued; whether without a template cannot be told from here")
    return Finding("raw text", WARNING, f"not to be had: {reply.error or reply.completion.outcome}")


def _usage(replies: Sequence[Reply]) -> Finding:
    spent = [r.completion.completion_tokens for r in replies if r.status == 200 and not r.others]
    counts = [number for number in spent if number is not None]
    if not counts:
        return Finding("usage", WARNING, "no tokens are counted, so that a budget can only be estimated")
    if max(counts) > TOKENS:
        return Finding("usage", WARNING, f"the limit is ignored: {max(counts)} tokens came where {TOKENS} were allowed")
    return Finding("usage", GOOD, f"counted; the limit of {TOKENS} tokens is kept")
