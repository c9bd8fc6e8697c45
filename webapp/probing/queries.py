"""Reads of suites, collections and completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Value

from forensics import records
from forensics.probes import Suite as SuiteRecord
from forensics.records import Completion as CompletionRecord
from forensics.records import NextToken, Outcome, Prompt, ResponseSet
from webapp.catalogue.models import Model
from webapp.probing.evidence import hash_of_all
from webapp.probing.models import Attempt, Collection, Completion, ProbeCall, Suite

PROBES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a collection's planned calls: one outcome each, or unsent. Always adds up, or is not `whole`."""

    planned: int
    outcomes: Mapping[str, int]
    leased: int = 0
    waiting: int = 0
    cancelled: int = 0

    @property
    def done(self) -> int:
        """Calls that have an outcome."""
        return sum(self.outcomes.values())

    @property
    def unsent(self) -> int:
        """Calls without an outcome: under way, waiting, or cancelled."""
        return self.leased + self.waiting + self.cancelled

    @property
    def is_whole(self) -> bool:
        """Whether planned = every outcome + unsent. Anything else means that the ledger was tampered with."""
        return self.planned == self.done + self.unsent

    @property
    def failures(self) -> int:
        """Calls of which nothing is known but that the way to the model failed."""
        return sum(count for name, count in self.outcomes.items() if Outcome(name).is_failure)

    @property
    def is_complete(self) -> bool:
        """Whether every planned call has an answer of the model."""
        return self.is_whole and not self.unsent and not self.failures

    @property
    def share(self) -> float:
        """Share of planned calls that have an outcome, 0 to 1."""
        return self.done / self.planned if self.planned else 1.0


def tally(collection: Collection) -> Tally:
    """What became of the planned calls: counted, or from the stored counts once the collection is done."""
    return tallies([collection])[collection.pk]


def tallies(collections: Sequence[Collection]) -> dict[Any, Tally]:
    """Collection id to its tally, those that have to be counted in one statement for all."""
    stored = [c for c in collections if c.state == Collection.State.DONE and c.counts]
    kept = {c.pk: Tally(c.planned, c.counts) for c in stored}
    return kept | _counted([c for c in collections if c.pk not in kept])


def counted(collection: Collection) -> Tally:
    """What became of the planned calls, counted. A recorded collection never had any unsent."""
    return _counted([collection])[collection.pk]


def _counted(collections: Sequence[Collection]) -> dict[Any, Tally]:
    if not collections:
        return {}
    calls = ProbeCall.objects.filter(collection__in=collections).exclude(state=ProbeCall.State.DONE).order_by()
    states = calls.values_list(Value("call"), "collection", "state").annotate(Count("pk"))
    told = Completion.objects.filter(collection__in=collections).order_by()
    outcomes = told.values_list(Value("completion"), "collection", "outcome").annotate(Count("pk"))
    found: dict[tuple[str, Any], dict[str, int]] = {}
    # One statement sees one moment; two would disagree while workers write.
    for what, collection, name, count in states.union(outcomes, all=True):
        found.setdefault((what, collection), {})[name] = count
    kinds = ("leased", "waiting", "cancelled")
    return {
        c.pk: Tally(
            c.planned,
            dict(sorted(found.get(("completion", c.pk), {}).items())),
            **{name: found.get(("call", c.pk), {}).get(name, 0) for name in kinds},
        )
        for c in collections
    }


def without_evidence(collection: Collection) -> int:
    """How many completions that were sent for point at no attempt, or at one of another call."""
    if collection.recorded:
        return 0
    right = Q(
        evidence__call__collection=F("collection"), evidence__call__probe=F("probe"), evidence__call__sample=F("sample")
    )
    return collection.completions.exclude(pk__in=collection.completions.filter(right).values("pk")).count()


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


def reading(completion: Completion, prompt_id: str) -> CompletionRecord:
    """A stored completion as the engine's record."""
    return _completion((prompt_id, *(getattr(completion, name) for name in FIELDS[1:])))


def stream(collection: Collection, *, segment: int | None = None) -> Iterator[CompletionRecord]:
    """A collection's completions, or those of one segment, in canonical order, a few thousand in memory at a time."""
    found = in_segment(collection, segment)
    # Sorted here: databases disagree about the order of letters.
    names = sorted(collection.suite.probes.order_by().values_list("prompt_id", "pk"))
    for at in range(0, len(names), PROBES_AT_ONCE):
        rows = found.filter(probe__in=[pk for _, pk in names[at : at + PROBES_AT_ONCE]]).order_by().values_list(*FIELDS)
        yield from sorted(map(_completion, rows), key=lambda c: (c.prompt_id, c.sample))


def in_segment(collection: Collection, segment: int | None) -> QuerySet[Completion]:
    """The completions that carry one identity, or all of them where none is named."""
    found = collection.completions.all()
    if segment is None:
        return found
    model, fingerprint = collection.identities[segment]
    return found.filter(evidence__returned_model=model, evidence__system_fingerprint=fingerprint)


def response_set(collection: Collection) -> ResponseSet:
    """What is compared: all completions under the model's name, or the chosen segment's. Empty while there are none."""
    found = stream(collection, segment=collection.segment)
    return ResponseSet.of(collection.model.name, found, collection.tokenizer_hash)


def content_hash(collection: Collection, *, segment: int | None = None) -> str:
    """The content hash of the response set, read without holding it in memory."""
    return records.content_hash(collection.tokenizer_hash, stream(collection, segment=segment))


def attempts(collection: Collection) -> QuerySet[Attempt]:
    """Every send of a collection on record, in the order of calls and attempts."""
    return Attempt.objects.filter(call__collection=collection).order_by("call", "number", "kind")


def evidence_hash(collection: Collection) -> str:
    """A hash over all attempts but late ones, which may still come when everything is done."""
    counted = attempts(collection).exclude(kind=Attempt.Kind.LATE)
    return hash_of_all(counted.values_list("digest", flat=True).iterator(chunk_size=5000))


@dataclass(frozen=True, slots=True)
class Segment:
    """Which model said that it answered, how often, and when first and last."""

    number: int
    returned_model: str
    system_fingerprint: str
    count: int
    first: datetime | None
    last: datetime | None


def segments(collection: Collection) -> list[Segment]:
    """The models that answered, in the order in which they were first seen."""
    found = []
    for number, (model, fingerprint) in enumerate(collection.identities):
        rows = in_segment(collection, number).aggregate(
            n=Count("pk"), first=Min("received_at"), last=Max("received_at")
        )
        found.append(Segment(number, model, fingerprint, rows["n"], rows["first"], rows["last"]))
    return found


def answering_weights(collection: Collection) -> str:
    """The hash of the weights that answered: what the replies of a local model name, else what its check found."""
    if collection.identities:
        return str(collection.identities[collection.segment or 0][0])
    return str(collection.model.check_info.get("weights_sha256", ""))


def latest_done(model: Model, suite: Suite, *, case: Any = None) -> Collection | None:
    """The collection that speaks for a model on a suite: the one finished last (of a case, where given), or None."""
    found = model.collections.filter(suite=suite, state=Collection.State.DONE)
    return (found.filter(cases=case) if case else found).order_by("-finished_at").first()


def models_with_responses(suite: Suite, models: QuerySet[Model]) -> list[Model]:
    """Those of the models that have a finished collection of this suite, by name."""
    done = Collection.objects.filter(suite=suite, state=Collection.State.DONE)
    return list(models.filter(pk__in=done.values("model")).order_by("name"))
