"""Sends a collection's calls, a slice of about a minute at a time."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from celery.signals import worker_shutting_down
from django.conf import settings

from forensics.adapters import Reply, Session
from forensics.collection import BATCH, refused
from forensics.errors import AdapterError, ForensicsError
from tasks import ledger, warm
from tasks.app import app
from tasks.heartbeat import Heartbeat
from tasks.ledger import Claim
from webapp import dispatch
from webapp.catalogue import queries as catalogue
from webapp.probing import services
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

# An endpoint's calls are handed out in small numbers, so that a worker's death leaves few to be sent twice.
CLAIM = {"gpu": BATCH, "cpu": BATCH, "api": 32}
WRITE_EVERY = 1.0
LONGEST_COUNTDOWN = 30.0


_stopping = threading.Event()


@worker_shutting_down.connect
def _stop_soon(**_: object) -> None:
    """A worker that runs one task at a time ends its slice early and gives its calls back, rather than be killed."""
    _stopping.set()


class TurnedAway(AdapterError):
    """The target refuses every call."""


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
            _work(collection, owner, heart)
            if not heart.lost:
                _go_on(collection)
        except ForensicsError as problem:
            _fail(collection, beat, str(problem))
        except Exception as problem:
            log.exception("collection %s failed", collection_id)
            _fail(collection, beat, f"{type(problem).__name__}: {problem}")


def _fail(collection: Collection, in_charge: Callable[[], bool], reason: str) -> None:
    # A slice that is no longer in charge speaks for nobody: another has the collection, and may well succeed.
    if in_charge():
        services.fail(collection, reason)


def _work(collection: Collection, owner: str, heart: Heartbeat) -> None:
    until = time.monotonic() + settings.SLICE_SECONDS
    size = CLAIM[catalogue.adapter_of(collection.model).queue]
    with warm.session(collection.model) as session:
        _note_tokenizer(collection, session)
        while time.monotonic() < until and not (heart.lost or _stopping.is_set()) and _is_running(collection):
            claims = ledger.claim(collection, owner, size)
            if not claims:
                return
            _send(collection, session, claims, heart)


def _send(collection: Collection, session: Session, claims: Sequence[Claim], heart: Heartbeat) -> None:
    open_claims = {(c.call.prompt.prompt_id, c.call.sample): c for c in claims}
    try:
        for replies in _grouped(session.send([c.call for c in claims])):
            heart.touch()
            turned = next((r for r in replies if refused(r)), None)
            good = [r for r in replies if not refused(r)]
            ledger.record(collection, [(open_claims.pop((r.call.prompt.prompt_id, r.call.sample)), r) for r in good])
            if turned is not None:
                raise TurnedAway(f"the target turns calls away: {turned.error}; mend that, then resume")
            if _may_stop(collection):
                return
        if open_claims:
            raise AdapterError(f"the adapter left {len(open_claims)} of {len(claims)} calls unanswered")
    finally:
        ledger.release(list(open_claims.values()), "not sent: the slice ended")


def _grouped(replies: Iterator[Reply]) -> Iterator[list[Reply]]:
    """Replies in groups of about a second, so that slow ones are stored soon and fast ones in one transaction."""
    group: list[Reply] = []
    since = time.monotonic()
    for reply in replies:
        group.append(reply)
        if time.monotonic() - since > WRITE_EVERY:
            yield group
            group, since = [], time.monotonic()
    if group:
        yield group


def _note_tokenizer(collection: Collection, session: Session) -> None:
    if session.tokenizer and collection.tokenizer_hash != session.tokenizer:
        collection.tokenizer_hash = session.tokenizer
        collection.save(update_fields=["tokenizer_hash"])


def _may_stop(collection: Collection) -> bool:
    """Whether to give the rest of a claim back. An endpoint's calls are all under way: those are waited for."""
    return catalogue.adapter_of(collection.model).queue != "api" and (_stopping.is_set() or not _is_running(collection))


def _is_running(collection: Collection) -> bool:
    return Collection.objects.filter(pk=collection.pk, state=Collection.State.RUNNING).exists()


def _go_on(collection: Collection) -> None:
    if not _is_running(collection):
        return
    wait = ledger.seconds_until_due(collection)
    if wait is None:
        ledger.finish(collection)
    else:
        services.send_work(collection, countdown=min(wait, LONGEST_COUNTDOWN), priority=dispatch.GO_ON)
