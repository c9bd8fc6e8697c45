"""Suite x adapter -> completions: which calls a suite makes, in what batches, and what becomes of a failed one.

Knows no storage: the workers' ledger and the engine's own `collect` use the same rules.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from forensics.adapters import Call, Reply, Session
from forensics.errors import AdapterError
from forensics.probes import Probe, Suite
from forensics.records import Outcome, ResponseSet

BATCH = 256
"""Calls handed to a session at once: a local model wants many of one kind."""
ATTEMPTS = 5
THROTTLED_ATTEMPTS = 40
LONGEST_WAIT = 600.0
SHORTEST_WAIT = 1.0
TEMPLATE_TOKENS = 64
"""What a chat template may add to a message."""
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

    A server's own word counts, up to ten minutes; without it 2, 4, 8 ... seconds up to two minutes.
    """
    outcome = reply.completion.outcome
    most = THROTTLED_ATTEMPTS if outcome is Outcome.THROTTLED else ATTEMPTS
    if outcome not in RETRIED or attempt >= most or (outcome is Outcome.FAILED and _is_final(reply.status)):
        return None
    return asked_for(reply) or min(2.0 ** min(attempt, 10), 120.0)


def asked_for(reply: Reply) -> float | None:
    """Seconds that the server asks to be left alone, 1 to 600, or None where it says nothing that makes sense."""
    if reply.retry_after is None or not math.isfinite(reply.retry_after) or reply.retry_after <= 0:
        return None
    return min(max(reply.retry_after, SHORTEST_WAIT), LONGEST_WAIT)


def _is_final(status: int | None) -> bool:
    return status is not None and 400 <= status < 500 and status not in (408, 425)


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


def worst_case(probe: Probe) -> tuple[int, int]:
    """The most tokens that one call of a probe can use: of the prompt (a token has a byte at least), of the reply."""
    sent = sum(len(m.content.encode()) + TEMPLATE_TOKENS for m in probe.prompt.messages)
    return sent, probe.config.max_tokens


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens of prompts and of replies, in whatever currency the prices are in."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """What so many tokens cost."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will use: *about* so much, and *at most* so much if nothing has to be sent twice."""

    calls: int
    tokens_in: int
    tokens_out: int
    most_in: int
    most_out: int
    cost: float
    most_cost: float
    seconds: float


BYTES_PER_TOKEN = 4.0
TEMPLATE_USUAL = 8


def estimate(
    probes: Iterable[tuple[Probe, int]],
    prices: Prices = Prices(),
    *,
    concurrency: int = 1,
    per_minute: float | None = None,
    seconds_per_call: float = 1.5,
    reply_share: float = 0.5,
) -> Estimate:
    """What the calls of a suite will use; `probes` is (probe, calls of it).

    `reply_share` is how much of the room for a reply is used on average, `seconds_per_call` how long one takes: known
    where the model has answered before.
    """
    calls = about_in = most_in = most_out = 0
    for probe, times in probes:
        worst_in, worst_out = worst_case(probe)
        said = sum(len(m.content.encode()) / BYTES_PER_TOKEN + TEMPLATE_USUAL for m in probe.prompt.messages)
        calls += times
        about_in += round(said * times)
        most_in += worst_in * times
        most_out += worst_out * times
    about_out = round(most_out * reply_share)
    pace = max(concurrency, 1) / seconds_per_call
    pace = min(pace, per_minute / 60) if per_minute else pace
    cost, most = prices.cost(about_in, about_out), prices.cost(most_in, most_out)
    return Estimate(calls, about_in, about_out, most_in, most_out, cost, most, calls / pace)
