"""The ledger of probe calls: claimed by lease, written under a fence. Right on SQLite and on PostgreSQL.

A claim raises a row's fence; a write must carry the fence of its claim and find the row still leased. So a worker
that was presumed dead writes nothing that counts, and a call counts once however often it was sent. Every send is an
attempt on record: answered, lost with its worker, or come too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, QuerySet
from django.utils import timezone

from forensics.adapters import Reply
from forensics.collection import call_of, refused, retry_delay
from forensics.storable import storable_text
from tasks.evidence import ERROR_CHARS, Answered, Claim, attempt_row, completion_row, note_identities, tokens_of
from tasks.journal import Left
from webapp.custody import services as custody
from webapp.probing import budgets, queries, rows
from webapp.probing.leases import charge, expired, locked, take_back
from webapp.probing.models import Attempt, Collection, Completion, ProbeCall

__all__ = ["Answered", "Claim"]

AT_ONCE = 200
"""Replies of a journal in one transaction."""
Held = tuple[int, int]
"""Row and fence: what a claim holds."""


def take_ticket(collection_id: str, ticket: int) -> Collection | None:
    """The collection, if it runs and this is its present ticket, which is used up hereby; else None."""
    mine = Collection.objects.filter(pk=collection_id, ticket=ticket, state=Collection.State.RUNNING)
    if not mine.update(ticket=F("ticket") + 1, sent_at=timezone.now()):
        return None
    return Collection.objects.select_related("model", "suite").get(pk=collection_id)


def lease_end() -> datetime:
    """When a lease taken now ends."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def _due(collection: Collection) -> QuerySet[ProbeCall]:
    """Calls that wait and may be sent now, in the order that the collection's seed drew."""
    waiting = collection.calls.filter(state=ProbeCall.State.WAITING).exclude(not_before__gt=timezone.now())
    return waiting.order_by("place", "pk")


def claim(collection: Collection, owner: str, limit: int) -> list[Claim]:
    """Up to `limit` calls leased to `owner`, in the order of the seed, as many as the budget allows at their worst.

    Those whose lease expired come after those that wait, each with the attempt that was lost on record.
    """
    with transaction.atomic():
        if budgets.budget(collection).is_set:
            # One claim at a time: two would each find the budget unspent.
            Collection.objects.select_for_update().get(pk=collection.pk)
        calls = list(locked(_due(collection))[:limit])
        if len(calls) < limit:
            overdue = list(locked(expired(collection.calls.all()))[: limit - len(calls)])
            take_back(overdue)
            calls += overdue
        calls = _affordable(collection, calls)
        ProbeCall.objects.filter(pk__in=[c.pk for c in calls]).update(
            state=ProbeCall.State.LEASED,
            lease_owner=owner,
            lease_expires=lease_end(),
            fence=F("fence") + 1,
            attempt=F("attempt") + 1,
        )
    return [_claimed(call, owner) for call in calls]


def _affordable(collection: Collection, calls: list[ProbeCall]) -> list[ProbeCall]:
    if not budgets.budget(collection).is_set:
        return calls
    return calls[: budgets.fitting(Collection.objects.get(pk=collection.pk), calls)]


def _claimed(call: ProbeCall, owner: str) -> Claim:
    sent, worst = call_of(call.probe.record, call.sample), (call.worst_in, call.worst_out)
    return Claim(call.pk, call.probe_id, call.fence + 1, call.attempt + 1, sent, worst, owner)


def renew(collection: Collection, ticket: int, owner: str) -> bool:
    """Whether the slice that took `ticket` is still the one in charge; if so its leases run on from now."""
    mine = Collection.objects.filter(pk=collection.pk, ticket=ticket + 1)
    if not mine.update(sent_at=timezone.now()):
        return False
    held = collection.calls.filter(state=ProbeCall.State.LEASED, lease_owner=owner)
    held.update(lease_expires=lease_end())
    return True


def _still_held(claims: Sequence[Claim]) -> set[Held]:
    """Those of these claims that are still leased under their fence, locked for the present transaction."""
    if not claims:
        return set()
    calls = ProbeCall.objects.select_for_update().filter(pk__in=[c.row for c in claims], state=ProbeCall.State.LEASED)
    fences = dict(calls.order_by().values_list("pk", "fence"))
    return {c.held for c in claims if fences.get(c.row) == c.fence}


def record(collection: Collection, answered: Sequence[Answered]) -> int:
    """How many of these replies were accepted: stored as completions, or put back to be sent again later.

    A reply whose claim has lost its lease counts for nothing: it is kept as a late attempt. Repeating the whole call
    changes nothing. Of several sends of one call, each under a fence of its own, at most one is accepted.
    """
    delays = {a.claim.held: 0.0 if refused(a.reply) else retry_delay(a.reply, a.claim.attempt) for a in answered}
    final, again = ([a for a in answered if (delays[a.claim.held] is None) is ends] for ends in (True, False))
    with transaction.atomic():
        held = _done_now([a.claim for a in final]) | _still_held([a.claim for a in again])
        _keep_late(collection, [a for a in answered if a.claim.held not in held])
        accepted = [a for a in answered if a.claim.held in held]
        keys = rows.insert(Attempt, [attempt_row(collection, a) for a in accepted])
        key_of = {a.claim.held: key for a, key in zip(accepted, keys, strict=True)}
        final = [a for a in final if a.claim.held in held]
        rows.insert(Completion, [completion_row(collection, a, key_of[a.claim.held]) for a in final])
        for answer in accepted:
            if (delay := delays[answer.claim.held]) is not None:
                _put_back(answer.claim, answer.reply, delay)
        charge(collection.pk, [tokens_of(answer.claim, answer.reply) for answer in accepted])
        note_identities(collection, [answer.reply for answer in final])
    return len(accepted)


def _done_now(claims: Sequence[Claim]) -> set[Held]:
    """Those of these claims that were still leased under their fence, and are done from now on."""
    state = ProbeCall.State
    return rows.finish(ProbeCall, [c.held for c in claims], leased=state.LEASED.value, done=state.DONE.value)


def _keep_late(collection: Collection, late: Sequence[Answered]) -> None:
    if not late:
        return
    unkept = {(a.claim.row, a.claim.attempt): a for a in late}
    kept = Attempt.objects.filter(call__in=[row for row, _ in unkept], kind=Attempt.Kind.ANSWERED)
    for done in kept.values_list("call_id", "number"):
        unkept.pop(done, None)
    Attempt.objects.bulk_create(
        [Attempt(**attempt_row(collection, a, Attempt.Kind.LATE)) for a in unkept.values()], ignore_conflicts=True
    )


def _put_back(claim: Claim, reply: Reply, delay: float) -> None:
    ProbeCall.objects.filter(pk=claim.row).update(
        state=ProbeCall.State.WAITING,
        lease_expires=None,
        not_before=timezone.now() + timedelta(seconds=delay) if delay else None,
        last_error=storable_text(f"{reply.completion.outcome.value}: {reply.error}")[:ERROR_CHARS],
    )


def release(claims: Sequence[Claim], why: str = "", seconds: float = 0.0) -> int:
    """How many of these claims were given back unsent, with their attempt not counted, to be sent `seconds` on."""
    with transaction.atomic():
        return _give_back({row for row, _ in _still_held(claims)}, why, seconds)


def _give_back(unsent: set[int], why: str, seconds: float = 0.0) -> int:
    return ProbeCall.objects.filter(pk__in=unsent).update(
        state=ProbeCall.State.WAITING,
        lease_expires=None,
        attempt=F("attempt") - 1,
        not_before=timezone.now() + timedelta(seconds=seconds) if seconds else None,
        last_error=why[:ERROR_CHARS],
    )


def abandon(claims: Sequence[Claim]) -> int:
    """How many of these claims, of which nobody knows whether they were sent, were given back as lost attempts."""
    with transaction.atomic():
        held = [row for row, _ in _still_held(claims)]
        return take_back(list(ProbeCall.objects.filter(pk__in=held).select_related("probe")))


def take_in(collection: Collection, left: Left) -> int:
    """How many calls were settled from what a worker that has gone left behind, without waiting for its leases.

    Replies are recorded as the worker would have done, calls under way are lost attempts, the rest goes back unsent.
    """
    for at in range(0, len(left.answered), AT_ONCE):
        record(collection, left.answered[at : at + AT_ONCE])
    with transaction.atomic():
        calls = list(locked(collection.calls.filter(state=ProbeCall.State.LEASED, lease_owner=left.owner)))
        lost = [call for call in calls if left.under_way.get(call.pk) == call.fence]
        take_back(lost)
        _give_back({call.pk for call in calls} - {call.pk for call in lost}, "not sent: the worker ended")
    return len(left.answered) + len(calls)


def leased(collection: Collection) -> bool:
    """Whether any of its calls is under way."""
    return collection.calls.filter(state=ProbeCall.State.LEASED).exists()


def seconds_until_due(collection: Collection) -> float | None:
    """Seconds until a call can be claimed, or until a lease of somebody else ends; None when no call is open."""
    open_calls = collection.calls.filter(state__in=[ProbeCall.State.WAITING, ProbeCall.State.LEASED])
    if not open_calls.exists():
        return None
    if _due(collection).exists() or expired(collection.calls.all()).exists():
        return 0.0
    dates = open_calls.aggregate(Min("not_before"), Min("lease_expires"))
    soonest = min((date for date in dates.values() if date is not None), default=timezone.now())
    return float(max(0.5, (soonest - timezone.now()).total_seconds()))


def finish(collection: Collection) -> bool:
    """Whether the collection was marked done just now, with its counts and the hashes of what came back.

    Completions and attempts are read one after the other and let go: memory does not grow with their number.
    """
    stored = {
        "content_hash": queries.content_hash(collection),
        "evidence_hash": queries.evidence_hash(collection),
    }
    with transaction.atomic():
        running = Collection.objects.filter(pk=collection.pk, state=Collection.State.RUNNING)
        counts = dict(queries.tally(collection).outcomes)
        moved = running.update(
            state=Collection.State.DONE,
            counts=counts,
            finished_at=timezone.now(),
            held_until=None,
            held_why="",
            pace_note="",
            **stored,
        )
        if moved:
            custody.append(
                actor=None,
                action="collection-done",
                subject=collection.pk,
                team=collection.model.team_id,
                model=collection.model.name,
                suite_hash=collection.suite.suite_hash,
                counts=counts,
                **stored,
            )
    return bool(moved)
