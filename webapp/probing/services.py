"""Writes of suites and collections: each in one transaction, work sent once it has committed."""

from __future__ import annotations

import dataclasses
import random
import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.db.models import CharField, TextField
from django.utils import timezone

from forensics import probes
from forensics.collection import worst_case
from forensics.errors import BadInput, SuiteError
from webapp import dispatch
from webapp.catalogue import queries as catalogue
from webapp.catalogue.models import Model
from webapp.custody import services as custody
from webapp.probing import queries
from webapp.probing.models import Collection, Probe, ProbeCall, Suite

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collection may use and what a million tokens cost. None is no limit."""

    budget_calls: int | None = None
    budget_tokens: int | None = None
    budget_money: Decimal | None = None
    price_in: Decimal = Decimal(0)
    price_out: Decimal = Decimal(0)


NO_LIMITS = Plan()


def register_suite(record: probes.Suite, *, origin: str = Suite.Origin.SHIPPED, user: Any = None) -> Suite:
    """The stored suite with this hash, stored now if it was not."""
    with transaction.atomic():
        suite, new = Suite.objects.get_or_create(
            suite_hash=record.suite_hash,
            defaults={
                "name": record.name,
                "version": record.version,
                "title": record.title[:300],
                "origin": origin,
            },
        )
        if new:
            rows = [_probe_row(suite, i, probe) for i, probe in enumerate(record.probes)]
            Probe.objects.bulk_create(rows, batch_size=BATCH)
            custody.append(
                actor=user, action="suite-registered", subject=suite.pk, name=str(suite), suite_hash=suite.suite_hash
            )
    return suite


def _probe_row(suite: Suite, ordinal: int, probe: probes.Probe) -> Probe:
    prompt = probe.prompt
    return Probe(
        suite=suite,
        ordinal=ordinal,
        prompt_id=prompt.prompt_id,
        mode=prompt.mode.value,
        family=prompt.family,
        category=prompt.category,
        answer=prompt.answer,
        cell=prompt.cell,
        language=prompt.language,
        messages=[{"role": m.role, "content": m.content} for m in prompt.messages],
        config=probe.config.as_json(),
    )


def register_own_suite(raw: bytes, *, where: str, user: Any = None) -> Suite:
    """The stored suite of an analyst's own file, drawn for a case or written by hand.

    Raises SuiteError naming the probe that is wrong, or where another suite bears its name and version.
    """
    record = probes.parse_suite(probes.json_of(raw, where=where), where=where)
    _check_storable(record, where)
    other = Suite.objects.filter(name=record.name, version=record.version).exclude(suite_hash=record.suite_hash)
    if other.exists():
        raise SuiteError(
            f"another suite is called {record.name} {record.version}: give this one another version. "
            "Nothing was stored",
            where=where,
        )
    return register_suite(record, origin=Suite.Origin.UPLOADED, user=user)


def _check_storable(record: probes.Suite, where: str) -> None:
    """Raise SuiteError for words that a database cannot hold: too long a name, or a NUL anywhere."""
    suite = Suite(name=record.name, version=record.version, title=record.title[:300])
    _check_row(suite, [], where)
    for i, probe in enumerate(record.probes, start=1):
        turns = [turn.content for turn in probe.prompt.messages]
        _check_row(_probe_row(suite, i, probe), turns, f"{where}, probe {i} ({probe.prompt.prompt_id[:40]})")


def _check_row(row: models.Model, turns: list[str], where: str) -> None:
    texts = [f for f in row._meta.concrete_fields if isinstance(f, TextField | CharField)]
    if any("\0" in str(word or "") for word in [*turns, *(getattr(row, f.attname) for f in texts)]):
        raise SuiteError("it holds a NUL character, which no database stores", where=where)
    for field in texts:
        if field.max_length and len(getattr(row, field.attname)) > field.max_length:
            raise SuiteError(f"its {field.name} is longer than {field.max_length} characters", where=where)


def register_shipped_suites() -> list[Suite]:
    """The suites that ship, stored."""
    return [register_suite(probes.load_suite(name)) for name in probes.suite_names()]


def start_collection(
    model: Model, suite: Suite, *, user: Any = None, plan: Plan = NO_LIMITS, seed: int | None = None
) -> Collection:
    """A new running collection with one waiting call for every probe and sample, its first slice sent.

    The order of the calls is drawn from `seed`, itself drawn where none is given and kept. Raises BadInput where the
    model was recorded elsewhere, where one is already open on this suite, or where probes would leave this machine
    without an authorisation in force.
    """
    _may_probe(model, suite)
    seed = secrets.randbits(32) if seed is None else seed
    with transaction.atomic():
        collection = Collection.objects.create(
            model=model, suite=suite, created_by=user, seed=seed, **dataclasses.asdict(plan)
        )
        calls = _calls(collection, suite)
        ProbeCall.objects.bulk_create(calls, batch_size=BATCH)
        Collection.objects.filter(pk=collection.pk).update(planned=len(calls))
        send_work(collection)
        _log(collection, "collection-started", user, suite_hash=suite.suite_hash, planned=len(calls), seed=seed)
    collection.refresh_from_db()
    return collection


def _calls(collection: Collection, suite: Suite) -> list[ProbeCall]:
    calls = []
    for probe in suite.probes.all():
        worst_in, worst_out = worst_case(probe.record)
        calls += [
            ProbeCall(collection=collection, probe=probe, sample=sample, worst_in=worst_in, worst_out=worst_out)
            for sample in range(probe.config["samples"])
        ]
    places = list(range(len(calls)))
    random.Random(collection.seed).shuffle(places)
    for call, place in zip(calls, places, strict=True):
        call.place = place
    return calls


def _may_probe(model: Model, suite: Suite) -> None:
    if model.is_recorded:
        raise BadInput(f"{model} was recorded elsewhere: no probe can be sent to it")
    if model.collections.filter(suite=suite, state__in=["running", "paused"]).exists():
        raise BadInput(f"{suite} is already being collected on {model}; resume or cancel that collection")
    if catalogue.needs_authorisation(model) and catalogue.standing_authorisation(model) is None:
        raise BadInput(f"no authorisation in force for {model}: record who allowed probing it, then start again")


def send_work(collection: Collection, *, countdown: float = 0, priority: int = dispatch.BEGIN) -> None:
    """Send the next slice on commit. It carries the present ticket: of several alike, the first to start works."""
    Collection.objects.filter(pk=collection.pk).update(sent_at=timezone.now())
    ticket = Collection.objects.values_list("ticket", flat=True).get(pk=collection.pk)
    queue = catalogue.adapter_of(collection.model).queue
    dispatch.send(dispatch.COLLECT, str(collection.pk), ticket, queue=queue, countdown=countdown, priority=priority)


def pause(collection: Collection, *, user: Any = None) -> bool:
    """Whether a running collection was paused. Calls in flight are still stored; none is sent after them."""
    return _move(collection, "running", "paused", "collection-paused", user)


def halt(collection: Collection, reason: str) -> bool:
    """Whether a running collection was paused by a worker, for a reason that somebody has to see to."""
    return _stop(collection, "paused", reason)


def resume(collection: Collection, *, user: Any = None, plan: Plan | None = None) -> bool:
    """Whether a paused or failed collection runs again, its next slice sent; with a plan, under that budget."""
    changed = dataclasses.asdict(plan) if plan else {}
    with transaction.atomic():
        states = ("paused", "failed")
        told = {name: None if value is None else str(value) for name, value in changed.items()}
        moved = any(_move(collection, was, "running", "collection-resumed", user, **told) for was in states)
        if moved:
            fresh = {"error": "", "held_until": None, "held_why": ""}
            Collection.objects.filter(pk=collection.pk).update(**fresh, **changed)
            send_work(collection)
    return moved


def cancel(collection: Collection, *, user: Any = None) -> bool:
    """Whether an open or failed collection was cancelled. What came back is kept; the rest is never sent."""
    with transaction.atomic():
        states = ("running", "paused", "failed")
        moved = any(_move(collection, was, "cancelled", "collection-cancelled", user) for was in states)
        if moved:
            waiting = collection.calls.filter(state=ProbeCall.State.WAITING)
            waiting.update(state=ProbeCall.State.CANCELLED)
    return moved


def fail(collection: Collection, reason: str) -> bool:
    """Whether a running collection was marked failed, for a reason that no retry mends. It can be resumed."""
    return _stop(collection, "failed", reason)


def _stop(collection: Collection, now: str, reason: str) -> bool:
    with transaction.atomic():
        moved = _move(collection, "running", now, f"collection-{now}", None, reason=reason)
        if moved:
            Collection.objects.filter(pk=collection.pk).update(error=reason)
    return moved


def choose_segment(collection: Collection, number: int, *, user: Any = None) -> None:
    """Let comparisons of a collection that several models answered read one of them alone; raises BadInput."""
    if not collection.changed_model or collection.state != Collection.State.DONE:
        raise BadInput("only a finished collection that more than one model answered has segments to choose from")
    if not 0 <= number < len(collection.identities):
        raise BadInput(f"there is no segment {number + 1}; nothing was changed")
    segment_hash = queries.content_hash(collection, segment=number)
    with transaction.atomic():
        Collection.objects.filter(pk=collection.pk).update(segment=number, segment_hash=segment_hash)
        identity = collection.identities[number]
        _log(collection, "collection-segment-chosen", user, identity=identity, content_hash=segment_hash)
    collection.refresh_from_db()


def _move(collection: Collection, was: str, now: str, action: str, user: Any, **detail: Any) -> bool:
    with transaction.atomic():
        moved = Collection.objects.filter(pk=collection.pk, state=was).update(state=now)
        if moved:
            _log(collection, action, user, **detail)
            collection.state = now
    return bool(moved)


def _log(collection: Collection, action: str, user: Any, **detail: Any) -> None:
    names = {"model": collection.model.name, "suite": str(collection.suite)}
    team = collection.model.team_id
    custody.append(actor=user, action=action, subject=collection.pk, team=team, **names, **detail)
