"""The ledger of probe calls: claimed by lease, written under a fence. Right on SQLite and on PostgreSQL.

A claim raises a row's fence; a write must carry the fence of its claim and find the row still leased. So a worker
that was presumed dead writes nothing, and a call counts once however often it was sent.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet
from django.utils import timezone

from forensics.adapters import Call, Reply
from forensics.collection import call_of, retry_delay
from forensics.provenance import sha256
from webapp.custody import services as custody
from webapp.probing import queries
from webapp.probing.models import Collection, Completion, ProbeCall
from webapp.probing.storable import columns, storable_text

ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """One leased row: the call to send, and the fence that its write must carry."""

    row: int
    probe: int
    fence: int
    attempt: int
    call: Call


def take_ticket(collection_id: str, ticket: int) -> Collection | None:
    """The collection, if it runs and this is its present ticket, which is used up hereby; else None."""
    mine = Collection.objects.filter(pk=collection_id, ticket=ticket, state=Collection.State.RUNNING)
    if not mine.update(ticket=F("ticket") + 1, sent_at=timezone.now()):
        return None
    return Collection.objects.select_related("model", "suite").get(pk=collection_id)


def lease_end() -> object:
    """When a lease taken now ends."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def _claimable(collection: Collection) -> QuerySet[ProbeCall]:
    now = timezone.now()
    waiting = Q(state=ProbeCall.State.WAITING) & (Q(not_before=None) | Q(not_before__lte=now))
    expired = Q(state=ProbeCall.State.LEASED, lease_expires__lte=now)
    return ProbeCall.objects.filter(waiting | expired, collection=collection)


def claim(collection: Collection, owner: str, limit: int) -> list[Claim]:
    """Up to `limit` calls leased to `owner`, in suite order: those that wait and are due, or whose lease expired."""
    with transaction.atomic():
        rows = _claimable(collection).select_for_update(of=("self",), skip_locked=True)
        ids = list(rows.order_by("probe__ordinal", "sample").values_list("pk", flat=True)[:limit])
        claimed = ProbeCall.objects.filter(pk__in=ids)
        claimed.update(
            state=ProbeCall.State.LEASED,
            lease_owner=owner,
            lease_expires=lease_end(),
            fence=F("fence") + 1,
            attempt=F("attempt") + 1,
        )
        leased = list(claimed.select_related("probe").order_by("probe__ordinal", "sample"))
    return [Claim(c.pk, c.probe_id, c.fence, c.attempt, call_of(c.probe.record, c.sample)) for c in leased]


def renew(collection: Collection, ticket: int, owner: str) -> bool:
    """Whether the slice that took `ticket` is still the one in charge; if so its leases run on from now."""
    mine = Collection.objects.filter(pk=collection.pk, ticket=ticket + 1)
    if not mine.update(sent_at=timezone.now()):
        return False
    held = collection.calls.filter(state=ProbeCall.State.LEASED, lease_owner=owner)
    held.update(lease_expires=lease_end())
    return True


def _still_held(claims: Sequence[Claim]) -> set[int]:
    """Rows of these claims that are still leased under the claim's fence, locked for the present transaction."""
    rows = ProbeCall.objects.select_for_update().filter(pk__in=[c.row for c in claims], state=ProbeCall.State.LEASED)
    fences = dict(rows.values_list("pk", "fence"))
    return {c.row for c in claims if fences.get(c.row) == c.fence}


def record(collection: Collection, answered: Sequence[tuple[Claim, Reply]]) -> int:
    """How many of these replies were accepted: stored as completions, or put back to be sent again later.

    A reply whose claim has lost its lease is refused; repeating the whole call changes nothing.
    """
    with transaction.atomic():
        held = _still_held([claim for claim, _ in answered])
        accepted = [(claim, reply) for claim, reply in answered if claim.row in held]
        final = []
        for claim, reply in accepted:
            delay = retry_delay(reply, claim.attempt)
            if delay is None:
                final.append((claim, reply))
            else:
                _put_back(claim, reply, delay)
        _store(collection, final)
    return len(accepted)


def _put_back(claim: Claim, reply: Reply, delay: float) -> None:
    ProbeCall.objects.filter(pk=claim.row).update(
        state=ProbeCall.State.WAITING,
        lease_expires=None,
        not_before=timezone.now() + timedelta(seconds=delay),
        last_error=storable_text(f"{reply.completion.outcome.value}: {reply.error}")[:ERROR_CHARS],
    )


def _store(collection: Collection, final: Sequence[tuple[Claim, Reply]]) -> None:
    now = timezone.now()
    ProbeCall.objects.filter(pk__in=[claim.row for claim, _ in final]).update(
        state=ProbeCall.State.DONE, lease_expires=None, not_before=None
    )
    rows = [completion_row(collection, claim, reply) for claim, reply in final]
    for row in rows:
        row.received_at = now
    Completion.objects.bulk_create(rows)


def completion_row(collection: Collection, claim: Claim, reply: Reply) -> Completion:
    """The unsaved completion row for a reply, its raw bytes hashed and packed."""
    return Completion(
        collection=collection,
        probe_id=claim.probe,
        attempt=claim.attempt,
        request_zlib=zlib.compress(reply.request) if reply.request else b"",
        raw_zlib=zlib.compress(reply.raw) if reply.raw else b"",
        request_sha256=sha256(reply.request) if reply.request else "",
        raw_sha256=sha256(reply.raw) if reply.raw else "",
        headers=dict(reply.headers),
        status=reply.status,
        elapsed=reply.elapsed,
        returned_model=storable_text(reply.returned_model)[:200],
        system_fingerprint=storable_text(reply.system_fingerprint)[:200],
        error=storable_text(reply.error)[:ERROR_CHARS],
        **columns(reply.completion),
    )


def release(claims: Sequence[Claim], why: str = "") -> int:
    """How many of these claims were given back unsent, with their attempt not counted."""
    with transaction.atomic():
        return ProbeCall.objects.filter(pk__in=_still_held(claims)).update(
            state=ProbeCall.State.WAITING,
            lease_expires=None,
            attempt=F("attempt") - 1,
            last_error=why[:ERROR_CHARS],
        )


def seconds_until_due(collection: Collection) -> float | None:
    """Seconds until a call can be claimed, or until a lease of somebody else ends; None when no call is open."""
    open_calls = collection.calls.filter(state__in=[ProbeCall.State.WAITING, ProbeCall.State.LEASED])
    if not open_calls.exists():
        return None
    if _claimable(collection).exists():
        return 0.0
    dates = open_calls.aggregate(Min("not_before"), Min("lease_expires"))
    soonest = min(date for date in dates.values() if date is not None)
    return float(max(0.5, (soonest - timezone.now()).total_seconds()))


def finish(collection: Collection) -> bool:
    """Whether the collection was marked done just now, with its counts and the hash of its response set."""
    responses = queries.response_set(collection)
    with transaction.atomic():
        running = Collection.objects.filter(pk=collection.pk, state=Collection.State.RUNNING)
        counts = queries.outcome_counts(collection)
        moved = running.update(
            state=Collection.State.DONE,
            counts=counts,
            content_hash=responses.content_hash,
            finished_at=timezone.now(),
        )
        if moved:
            custody.append(
                actor=None,
                action="collection-done",
                subject=collection.pk,
                model=collection.model.name,
                suite_hash=collection.suite.suite_hash,
                counts=counts,
                content_hash=responses.content_hash,
            )
    return bool(moved)
