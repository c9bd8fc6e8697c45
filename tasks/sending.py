"""Sends an endpoint's calls: the caller's thread keeps many under way, a clerk beside it reads and writes the ledger.

A reply holds its place at the endpoint until it is in the ledger, so that a worker's death repeats no more calls than
may be under way. Calls are claimed a few at a time, just before they are sent.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from forensics.adapters import Call, Reply, Session
from forensics.errors import AdapterError
from tasks import ledger, room
from tasks.ledger import Answered, Claim
from tasks.pacing import SHORT_HOLD, EndpointPacer
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

LARGEST_CLAIM = 64
NOTE_EVERY = 0.5
PATIENCE_SECONDS = 25.0
WAIT_FOR_STOCK = 10.0
Key = tuple[str, int]
T = TypeVar("T")


class Clerk:
    """All of one slice's dealings with the ledger, in a thread with a database connection of its own."""

    def __init__(self, collection: Collection, owner: str, pacer: EndpointPacer, may_go_on: Callable[[], bool]) -> None:
        self._collection, self._owner, self._pacer, self._may_go_on = collection, owner, pacer, may_go_on
        self._changed = threading.Condition()
        self._stock: deque[Claim] = deque()
        self._came: list[Answered] = []
        self._held: list[tuple[Claim, Reply]] = []
        self._out = 0
        self._dry = self._empty = self._closing = False
        self._noted = (0.0, "", "")
        self.problem: BaseException | None = None
        self._size = max(4, min(LARGEST_CLAIM, pacer.pace.concurrency))
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)

    def __enter__(self) -> Clerk:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be given out."""
        return self._empty or self._closing or self.problem is not None

    def next_claim(self, *, patient: bool) -> Claim | None:
        """The next call to send, or None where there is none now. A `patient` caller, who has nothing under way, waits
        for the clerk; any other has replies to take meanwhile, and asks again."""
        with self._changed:
            if patient:
                self._changed.wait_for(lambda: self._stock or self.is_over, WAIT_FOR_STOCK)
            if self.is_over or not self._stock:
                return None
            self._out += 1
            claim = self._stock.popleft()
            if self._is_hungry:
                self._changed.notify_all()
            return claim

    def hand_over(self, claim: Claim, reply: Reply) -> None:
        """Take a reply to be written, or a call that was held back to be given back."""
        with self._changed:
            if reply.sent:
                self._came.append(Answered(claim, reply, timezone.now()))
            else:
                self._held.append((claim, reply))
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            while self._round():
                pass
            self._note(finally_=True)
        except BaseException as problem:
            log.exception("the clerk of collection %s stopped", self._collection.pk)
            self.problem = problem
        finally:
            with self._changed:
                self._changed.notify_all()
            connection.close()

    def _round(self) -> bool:
        """Write what came, give back what was held, fetch more; whether there is a next round."""
        with self._changed:
            self._changed.wait_for(self._has_work, NOTE_EVERY)
            came, self._came = self._came, []
            held, self._held = self._held, []
            closing = self._closing
        self._write(came, held)
        self._note()
        if closing:
            self._patiently(lambda: ledger.release(list(self._stock), "not sent: the slice ended"))
            return bool(self._came or self._held)
        self._fetch()
        return True

    def _write(self, came: Sequence[Answered], held: Sequence[tuple[Claim, Reply]]) -> None:
        if came:
            self._patiently(lambda: ledger.record(self._collection, came))
            self._pacer.written(len(came))
        for why in {reply.error for _, reply in held}:
            back = [claim for claim, reply in held if reply.error == why]
            self._patiently(partial(ledger.release, back, f"not sent: {why}"))
        with self._changed:
            self._out -= len(came) + len(held)
            # What was written may have cost less than its worst: the budget may have room again.
            self._dry = self._dry and not (came or held)

    @property
    def _is_hungry(self) -> bool:
        return not self._dry and not self._empty and len(self._stock) < self._size

    def _has_work(self) -> bool:
        return bool(self._came or self._held or self._closing or self._is_hungry)

    def _fetch(self) -> None:
        if not self._is_hungry:
            return
        claims: list[Claim] = []
        # A short wait is stood through in line; for a longer one the slice ends and another begins when it is over.
        going_on = self._may_go_on() and not self._pacer.stopped and self._pacer.held[0] <= SHORT_HOLD
        if going_on:
            claims = self._patiently(lambda: ledger.claim(self._collection, self._owner, self._size))
        with self._changed:
            self._stock.extend(claims)
            self._dry = not claims
            self._empty = not going_on or (not claims and not self._stock and self._out == 0)
            self._changed.notify_all()

    def _note(self, *, finally_: bool = False) -> None:
        """Keep with the collection what its page says about the pace, where that has changed."""
        seconds, why = self._pacer.held
        end = round(time.monotonic() + seconds, 0) if seconds else 0.0
        noted = (end, why, self._pacer.note)
        if noted == self._noted or not (
            finally_ or abs(end - self._noted[0]) > NOTE_EVERY or noted[1:] != self._noted[1:]
        ):
            return
        self._noted = noted
        until = timezone.now() + timedelta(seconds=seconds) if seconds else None
        mine = Collection.objects.filter(pk=self._collection.pk)
        self._patiently(lambda: mine.update(held_until=until, held_why=why[:300], pace_note=self._pacer.note[:300]))

    def _patiently(self, work: Callable[[], T]) -> T:
        """What `work` gives, tried again while the database is away for a moment: the fence makes that safe."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return work()
            except (OperationalError, InterfaceError) as problem:
                full = room.is_full(problem)
                if time.monotonic() > until or (full and not room.free()):
                    raise
                if full:
                    # What is under way still fits into the reserve. The next slice finds none, and pauses.
                    self._pacer.stop(room.FULL)
                log.warning("the ledger cannot be written, trying again: %s", problem)
                connection.close()
                time.sleep(0.5)


class Feed(Iterator[Call]):
    """Calls as there is room for them. Where it ends for want of room it goes on when it is asked again later."""

    def __init__(self, clerk: Clerk, most: int) -> None:
        self._clerk, self._most = clerk, most
        self.open: dict[Key, Claim] = {}

    def __next__(self) -> Call:
        claim = self._clerk.next_claim(patient=not self.open) if len(self.open) < self._most else None
        if claim is None:
            raise StopIteration
        self.open[claim.call.prompt.prompt_id, claim.call.sample] = claim
        return claim.call

    def answered(self, reply: Reply) -> Claim:
        """The claim that a reply belongs to, which is open no longer."""
        return self.open.pop((reply.call.prompt.prompt_id, reply.call.sample))


def send(
    collection: Collection,
    owner: str,
    session: Session,
    pacer: EndpointPacer,
    *,
    may_go_on: Callable[[], bool],
    touch: Callable[[], None],
) -> None:
    """Send a collection's calls until none is due, the endpoint asks for time, or `may_go_on` says no."""
    clerk = Clerk(collection, owner, pacer, may_go_on)
    feed = Feed(clerk, pacer.pace.concurrency + max(2, pacer.pace.concurrency // 8))
    try:
        with clerk:
            while not clerk.is_over:
                for reply in session.send(feed):
                    touch()
                    clerk.hand_over(feed.answered(reply), reply)
                    if not may_go_on():
                        pacer.stop("the slice ended")
                pacer.written()
                if feed.open:
                    raise AdapterError(f"the adapter left {len(feed.open)} calls unanswered")
    finally:
        # Whether these left the machine is not known: nothing came back that says so.
        ledger.abandon(list(feed.open.values()))
    if clerk.problem is not None:
        raise clerk.problem
