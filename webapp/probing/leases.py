"""Takes back calls whose worker is presumed dead. What it may have sent is put on record and charged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from webapp.probing import rows
from webapp.probing.evidence import digest_of
from webapp.probing.models import Attempt, Collection, ProbeCall


def expired(calls: QuerySet[ProbeCall]) -> QuerySet[ProbeCall]:
    """Those of these calls whose lease has run out, in the order of sending."""
    return calls.filter(state=ProbeCall.State.LEASED, lease_expires__lte=timezone.now()).order_by("place", "pk")


def locked(calls: QuerySet[ProbeCall]) -> QuerySet[ProbeCall]:
    """The same calls with their probes, locked for the present transaction; those locked by another are left out."""
    return calls.select_for_update(of=("self",), skip_locked=True).select_related("probe")


def take_back(calls: Sequence[ProbeCall]) -> int:
    """How many of these leased calls wait again. Each has a lost attempt on record, charged at its worst.

    Late writes under the old leases are refused from now on.
    """
    Attempt.objects.bulk_create(_lost(call) for call in calls)
    for collection in {call.collection_id for call in calls}:
        mine = [(call.worst_in, call.worst_out) for call in calls if call.collection_id == collection]
        charge(collection, mine)
    taken = ProbeCall.objects.filter(pk__in=[call.pk for call in calls])
    return taken.update(state=ProbeCall.State.WAITING, lease_expires=None)


def charge(collection: UUID, tokens: Iterable[tuple[int, int]]) -> None:
    """Count sends and their tokens, of prompts and of replies, as spent."""
    if charges := list(tokens):
        used = {"spent_calls": len(charges), "spent_in": sum(c[0] for c in charges)}
        rows.add(Collection, collection, used | {"spent_out": sum(c[1] for c in charges)})


def _lost(call: ProbeCall) -> Attempt:
    row = Attempt(
        call=call,
        number=call.attempt,
        kind=Attempt.Kind.LOST,
        worker=call.lease_owner,
        received_at=timezone.now(),
    )
    row.digest = digest_of(vars(row), str(call.collection_id), call.probe.prompt_id, call.sample)
    return row


def sweep() -> int:
    """How many expired leases were taken back, over all collections."""
    with transaction.atomic():
        return take_back(list(locked(expired(ProbeCall.objects.all()))))
