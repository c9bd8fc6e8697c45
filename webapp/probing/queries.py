"""Reads of suites, collections and completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from forensics.probes import Suite as SuiteRecord
from forensics.records import Completion as CompletionRecord
from forensics.records import NextToken, Outcome, Prompt, ResponseSet
from webapp.catalogue.models import Model
from webapp.probing.models import Collection, ProbeCall, Suite


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is. `outcomes` counts completions by outcome; `done` is their sum."""

    planned: int
    done: int
    leased: int
    waiting: int
    outcomes: Mapping[str, int]

    @property
    def share(self) -> float:
        """Share of planned calls that have a completion, 0 to 1."""
        return self.done / self.planned if self.planned else 1.0


def progress(collection: Collection) -> Progress:
    """How far a collection is, counted in the ledger, or from the stored counts once it has ended."""
    if collection.counts:
        done = sum(collection.counts.values())
        return Progress(collection.planned, done, 0, 0, collection.counts)
    states = dict(collection.calls.order_by().values_list("state").annotate(Count("id")))
    outcomes = outcome_counts(collection)
    return Progress(
        collection.planned,
        sum(outcomes.values()),
        states.get(ProbeCall.State.LEASED, 0),
        states.get(ProbeCall.State.WAITING, 0),
        outcomes,
    )


def outcome_counts(collection: Collection) -> dict[str, int]:
    """Outcome to number of completions, sorted by outcome."""
    rows = collection.completions.order_by("outcome").values_list("outcome").annotate(Count("id"))
    return dict(rows)


def suite_record(suite: Suite) -> SuiteRecord:
    """The engine's record of a stored suite; its hash is the stored one."""
    return SuiteRecord(suite.name, suite.version, suite.title, tuple(p.record for p in suite.probes.all()))


def prompts(suite: Suite) -> dict[str, Prompt]:
    """Prompt id to prompt."""
    return {probe.prompt_id: probe.prompt for probe in suite.probes.all()}


FIELDS = (
    "probe__prompt_id",
    "text",
    "sample",
    "outcome",
    "finish_reason",
    "next_tokens",
    "prompt_tokens",
    "completion_tokens",
)


def _completion(row: tuple[Any, ...]) -> CompletionRecord:
    prompt_id, text, sample, outcome, finish, next_tokens, asked, given = row
    tops = tuple(NextToken(n["chars"], tuple((t, float(p)) for t, p in n["top"])) for n in next_tokens)
    return CompletionRecord(prompt_id, text, sample, Outcome(outcome), finish, tops, asked, given)


def response_set(collection: Collection) -> ResponseSet:
    """All completions of a collection under its model's name. Empty while nothing has come back."""
    rows = collection.completions.order_by().values_list(*FIELDS).iterator(chunk_size=5000)
    return ResponseSet.of(collection.model.name, map(_completion, rows), collection.tokenizer_hash)


def latest_done(model: Model, suite: Suite) -> Collection | None:
    """The collection that speaks for a model on a suite: the one finished last, or None."""
    return model.collections.filter(suite=suite, state=Collection.State.DONE).order_by("-finished_at").first()


def models_with_responses(suite: Suite) -> list[Model]:
    """Models that have a finished collection of this suite, by name."""
    done = Collection.objects.filter(suite=suite, state=Collection.State.DONE)
    return list(Model.objects.filter(collections__in=done).distinct().order_by("name"))
