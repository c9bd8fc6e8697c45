"""Sends a collection's calls, a slice of about a minute at a time."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from celery.signals import worker_shutting_down
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from forensics.adapters import Reply, Session
from forensics.collection import BATCH, refused
from forensics.errors import AdapterError, ForensicsError
from tasks import ledger, room, sending, warm
from tasks.app import app
from tasks.heartbeat import Heartbeat
from tasks.ledger import Answered, Claim
from tasks.pacing import EndpointPacer, Pace
from tasks.takeover import take_over
from webapp import dispatch
from webapp.catalogue import queries as catalogue
from webapp.probing import budgets, endpoints, services
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

CLAIM = {"gpu": BATCH, "cpu": BATCH}
WRITE_EVERY = 1.0
LONGEST_COUNTDOWN = 30.0
BROKER_SECONDS = 1.5


_stopping = threading.Event()


@worker_shutting_down.connect
def _stop_soon(**_: object) -> None:
    """A worker that runs one task at a time ends its slice early and gives its calls back, rather than be killed."""
    _stopping.set()


class TurnedAway(AdapterError):
    """The target refuses every call. What was answered beside the refusal is stored, the refused call waits."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"the target turns calls away: {said}. What came back is kept and nothing is lost. "
            "Mend the key, its rights or the model's name on the model's page, then resume"
        )


@app.task(name=dispatch.COLLECT)
def collect_slice(collection_id: str, ticket: int) -> None:
    """Work on a collection for one slice, then send the next one, or mark the collection done."""
    collection = ledger.take_ticket(collection_id, ticket)
    if collection is None:
        return
    owner = f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}"

    def beat() -> bool:
        return ledger.renew(collection, ticket, owner)

    with Heartbeat(beat, settings.LEASE_SECONDS / 3) as heart:
        try:
            take_over(collection.pk)
            if not collection.held_seconds:
                room.keep()
                _work(collection, owner, heart)
            if not heart.lost:
                _go_on(collection)
        except TurnedAway as problem:
            _end(services.halt, collection, beat, str(problem))
        except ForensicsError as problem:
            _end(services.fail, collection, beat, str(problem))
        except (room.NoRoom, OperationalError, InterfaceError) as problem:
            _end_for_the_database(collection, beat, problem)
        except Exception as problem:
            log.exception("collection %s failed", collection_id)
            _end(services.fail, collection, beat, f"{type(problem).__name__}: {problem}")


def _end(
    how: Callable[[Collection, str], bool], collection: Collection, in_charge: Callable[[], bool], reason: str
) -> None:
    # A slice that is no longer in charge speaks for nobody: another has the collection, and may well succeed.
    if in_charge():
        how(collection, reason)


def _end_for_the_database(collection: Collection, in_charge: Callable[[], bool], problem: Exception) -> None:
    """Pause where the disk is full. A database that is away or locked comes back, and the reconciler goes on then."""
    if not room.is_full(problem):
        log.warning("collection %s: the database failed, the reconciler sends it again: %s", collection.pk, problem)
        return
    room.free()
    _end(services.halt, collection, in_charge, room.FULL)
    # A broker on the same disk finds out by itself that it can write again; a worker that asks sooner is turned away.
    time.sleep(BROKER_SECONDS)


def _work(collection: Collection, owner: str, heart: Heartbeat) -> None:
    until = time.monotonic() + settings.SLICE_SECONDS
    running = Recently(lambda: _is_running(collection))

    def may_go_on() -> bool:
        return time.monotonic() < until and not (heart.lost or _stopping.is_set()) and running()

    if endpoints.is_paced(collection.model):
        _work_at_pace(collection, owner, may_go_on, heart.touch)
        return
    size = CLAIM[catalogue.adapter_of(collection.model).queue]
    with warm.session(collection.model) as session:
        _note_tokenizer(collection, session)
        while may_go_on():
            claims = ledger.claim(collection, owner, size)
            if not claims:
                return
            _send(collection, session, claims, heart)


def _work_at_pace(collection: Collection, owner: str, may_go_on: Callable[[], bool], touch: Callable[[], None]) -> None:
    stored = endpoints.pace_of(collection.model)
    pace = Pace(stored.origin, stored.concurrency, stored.per_minute, stored.jitter)
    pacer = EndpointPacer(
        pace,
        settings.PACING_URL,
        collection=str(collection.pk),
        seed=collection.seed,
        shared=endpoints.is_shared(collection),
    )
    with warm.session(collection.model, pacer) as session:
        sending.send(collection, owner, session, pacer, may_go_on=may_go_on, touch=touch)
    if pacer.turned_away:
        raise TurnedAway(pacer.turned_away)


def _send(collection: Collection, session: Session, claims: Sequence[Claim], heart: Heartbeat) -> None:
    """Send a claim's calls to a model on this machine, which takes them one batch after the other."""
    open_claims = {(c.call.prompt.prompt_id, c.call.sample): c for c in claims}
    try:
        for replies in _grouped(session.send([c.call for c in claims])):
            heart.touch()
            answered = [(open_claims.pop((r.call.prompt.prompt_id, r.call.sample)), r, at) for r, at in replies]
            ledger.record(collection, [Answered(*answer) for answer in answered])
            if turned := next((r for r, _ in replies if refused(r)), None):
                raise TurnedAway(turned.error)
            if _stopping.is_set() or not _is_running(collection):
                return
        if open_claims:
            raise AdapterError(f"the adapter left {len(open_claims)} of {len(claims)} calls unanswered")
    finally:
        ledger.release(list(open_claims.values()), "not sent: the slice ended")


def _grouped(replies: Iterator[Reply]) -> Iterator[list[tuple[Reply, datetime]]]:
    """Replies with their time in groups of about a second: slow ones are stored soon, fast ones in one transaction."""
    group: list[tuple[Reply, datetime]] = []
    since = time.monotonic()
    for reply in replies:
        group.append((reply, timezone.now()))
        if time.monotonic() - since > WRITE_EVERY:
            yield group
            group, since = [], time.monotonic()
    if group:
        yield group


def _note_tokenizer(collection: Collection, session: Session) -> None:
    if session.tokenizer and collection.tokenizer_hash != session.tokenizer:
        collection.tokenizer_hash = session.tokenizer
        collection.save(update_fields=["tokenizer_hash"])


def _is_running(collection: Collection) -> bool:
    return Collection.objects.filter(pk=collection.pk, state=Collection.State.RUNNING).exists()


class Recently:
    """A question to the database, asked again once the answer is half a second old. A no is kept."""

    def __init__(self, question: Callable[[], bool]) -> None:
        self._question, self._answer, self._asked = question, True, 0.0

    def __call__(self) -> bool:
        if self._answer and time.monotonic() - self._asked > 0.5:
            self._answer, self._asked = self._question(), time.monotonic()
        return self._answer


def _go_on(collection: Collection) -> None:
    if not _is_running(collection):
        return
    collection.refresh_from_db()
    wait = ledger.seconds_until_due(collection)
    if wait is None:
        ledger.finish(collection)
    elif wait == 0.0 and (reason := budgets.why_stopped(collection)) and not ledger.leased(collection):
        services.halt(collection, reason)
    else:
        # What another worker still holds may cost less than its worst, and is looked at again soon.
        wait = max(wait, 1.0) if wait == 0.0 and ledger.leased(collection) else wait
        countdown = min(max(wait, collection.held_seconds), LONGEST_COUNTDOWN)
        services.send_work(collection, countdown=countdown, priority=dispatch.GO_ON)
