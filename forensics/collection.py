"""Suite x adapter -> completions: which calls a suite makes, in what batches, and what becomes of a failed one.

Knows no storage: the workers' ledger and the engine's own `collect` use the same rules.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator

from forensics.adapters import Call, Reply, Session
from forensics.errors import AdapterError
from forensics.probes import Probe, Suite
from forensics.records import Outcome, ResponseSet

BATCH = 256
"""Calls handed to a session at once: a local model wants many of one kind."""
ATTEMPTS = 5
THROTTLED_ATTEMPTS = 40
LONGEST_WAIT = 600.0
RETRIED = frozenset({Outcome.THROTTLED, Outcome.TIMED_OUT, Outcome.FAILED})
REFUSED_STATUS = frozenset({401, 403, 404})


def call_of(probe: Probe, sample: int) -> Call:
    """The call for one sample of a probe. Its seed is the probe's plus the sample's number."""
    config = dataclasses.replace(probe.config, seed=probe.config.seed + sample, samples=1)
    return Call(probe.prompt, sample, config)


def calls_of(suite: Suite) -> Iterator[Call]:
    """Every call of a suite, probe by probe, sample by sample."""
    return (call_of(probe, sample) for probe in suite.probes for sample in range(probe.config.samples))


def retry_delay(reply: Reply, attempt: int) -> float | None:
    """Seconds to wait before this call is sent again after its `attempt`-th failure, or None where the reply stands.

    A server's own Retry-After counts up to ten minutes; else 2, 4, 8 ... seconds up to two minutes.
    """
    outcome = reply.completion.outcome
    most = THROTTLED_ATTEMPTS if outcome is Outcome.THROTTLED else ATTEMPTS
    if outcome not in RETRIED or attempt >= most or (outcome is Outcome.FAILED and _is_final(reply.status)):
        return None
    backoff = min(2.0 ** min(attempt, 10), 120.0)
    return min(max(reply.retry_after or 0.0, backoff), LONGEST_WAIT)


def _is_final(status: int | None) -> bool:
    return status is not None and 400 <= status < 500


def refused(reply: Reply) -> bool:
    """Whether the target turns every call away (key, permission, unknown model), so that sending more is pointless."""
    return reply.completion.outcome is Outcome.FAILED and reply.status in REFUSED_STATUS


def collect(
    suite: Suite, session: Session, *, name: str, batch: int = BATCH, progress: Callable[[int, int], None] | None = None
) -> ResponseSet:
    """A model's response set on a suite, without any storage; raises AdapterError once the target turns calls away.

    `progress(done, planned)` is called after every batch. Nothing is retried here: the outcome says what happened.
    """
    completions = []
    for group in batches(calls_of(suite), batch):
        for reply in session.send(group):
            if refused(reply):
                raise AdapterError(f"{name} turns calls away: {reply.error}; nothing was kept")
            completions.append(reply.completion)
        if progress:
            progress(len(completions), suite.calls)
    return ResponseSet.of(name, completions, session.tokenizer)


def batches(calls: Iterable[Call], size: int = BATCH) -> Iterator[list[Call]]:
    """The calls in order, in lists of at most `size`."""
    iterator = iter(calls)
    while group := list(itertools.islice(iterator, size)):
        yield group
