"""Writes of suites and collections: each in one transaction, work sent once it has committed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from forensics import probes
from forensics.errors import BadInput
from webapp import dispatch
from webapp.catalogue import queries as catalogue
from webapp.catalogue.models import Model
from webapp.custody import services as custody
from webapp.probing.models import Collection, Probe, ProbeCall, Suite

BATCH = 1000


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


def register_shipped_suites() -> list[Suite]:
    """The suites that ship, stored."""
    return [register_suite(probes.load_suite(name)) for name in probes.suite_names()]


def start_collection(model: Model, suite: Suite, *, user: Any = None) -> Collection:
    """A new running collection with one waiting call for every probe and sample, its first slice sent.

    Raises BadInput where the model was recorded elsewhere, where one is already open on this suite, or where probes
    would leave this machine without an authorisation in force.
    """
    _may_probe(model, suite)
    with transaction.atomic():
        collection = Collection.objects.create(model=model, suite=suite, created_by=user)
        calls = [
            ProbeCall(collection=collection, probe=probe, sample=sample)
            for probe in suite.probes.all()
            for sample in range(probe.config["samples"])
        ]
        ProbeCall.objects.bulk_create(calls, batch_size=BATCH)
        Collection.objects.filter(pk=collection.pk).update(planned=len(calls))
        send_work(collection)
        _log(collection, "collection-started", user, suite_hash=suite.suite_hash, planned=len(calls))
    collection.refresh_from_db()
    return collection


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


def resume(collection: Collection, *, user: Any = None) -> bool:
    """Whether a paused or failed collection runs again, its next slice sent."""
    with transaction.atomic():
        moved = any(_move(collection, was, "running", "collection-resumed", user) for was in ("paused", "failed"))
        if moved:
            Collection.objects.filter(pk=collection.pk).update(error="")
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
    with transaction.atomic():
        moved = _move(collection, "running", "failed", "collection-failed", None, reason=reason)
        if moved:
            Collection.objects.filter(pk=collection.pk).update(error=reason)
    return moved


def sweep() -> int:
    """How many expired leases were given back, over all collections. Late writes under them are refused from now on."""
    expired = ProbeCall.objects.filter(state=ProbeCall.State.LEASED, lease_expires__lte=timezone.now())
    return expired.update(state=ProbeCall.State.WAITING, lease_expires=None)


def _move(collection: Collection, was: str, now: str, action: str, user: Any, **detail: Any) -> bool:
    with transaction.atomic():
        moved = Collection.objects.filter(pk=collection.pk, state=was).update(state=now)
        if moved:
            _log(collection, action, user, **detail)
            collection.state = now
    return bool(moved)


def _log(collection: Collection, action: str, user: Any, **detail: Any) -> None:
    names = {"model": collection.model.name, "suite": str(collection.suite)}
    custody.append(actor=user, action=action, subject=collection.pk, **names, **detail)
