"""Sends an endpoint's calls: the caller's thread keeps many under way, a clerk beside it reads and writes the ledger.

A reply holds its place at the endpoint until it is kept, in this machine's journal or in the ledger itself, so that a
worker's death repeats no more calls than may be under way. Calls are claimed shortly before they are sent.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from forensics.adapters import Call, Held, Reply, Session
from forensics.errors import AdapterError
from tasks import ledger, room
from tasks.journal import Journal
from tasks.ledger import Answered, Claim
from tasks.pacing import SHORT_HOLD, EndpointPacer
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

LARGEST_CLAIM = 128
GATHER_SECONDS = 0.1
PATIENCE_SECONDS = 25.0
WAIT_FOR_STOCK = 10.0
Key = tuple[str, int]
T = TypeVar("T")


class Clerk:
    """All of one slice's dealings with the ledger, in a thread with a database connection of its own.

    What comes in while it writes, or within a tenth of a second, is written together.
    """

    def __init__(self, collection: Collection, owner: str, pacer: EndpointPacer, may_go_on: Callable[[], bool]) -> None:
        self._collection, self._owner, self._pacer, self._may_go_on = collection, owner, pacer, may_go_on
        self._stock: deque[Claim] = deque()
        self._stocked = threading.Event()
        self._inbox: SimpleQueue[tuple[Answered, bool]] = SimpleQueue()
        self._journal = Journal(collection.pk, owner)
        self._wanted = threading.Event()
        self._wanted.set()
        self._open = 0
        self._dry = self._over = self._closing = self.is_full = False
        self._noted = (0.0, "", "")
        self.problem: BaseException | None = None
        self._size = max(4, min(LARGEST_CLAIM, 2 * pacer.pace.concurrency))
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)

    def __enter__(self) -> Clerk:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._wanted.set()
        self._thread.join()
        self._journal.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be given out."""
        return self._over or self._closing

    def next_claim(self, *, patient: bool) -> Claim | None:
        """The next call to send, or None where there is none now. A `patient` caller, who has nothing under way, waits
        for the clerk; any other has replies to take meanwhile, and asks again."""
        if self.is_over:
            return None
        if len(self._stock) < self._size // 2:
            self._wanted.set()
        if patient and not self._stock:
            self._stocked.wait(WAIT_FOR_STOCK)
        self._stocked.clear()
        return self._stock.popleft() if self._stock else None

    def leaving(self, claim: Claim) -> None:
        """Note that a call leaves now; raises Held where there is no room for the note."""
        if not self._journal.going(claim):
            room.free()
            self._no_more()
            raise Held(1.0, room.FULL)

    def has_left(self, claim: Claim) -> bool:
        """Whether a call without a reply may have been sent."""
        return self._journal.is_under_way(claim)

    def hand_over(self, claim: Claim, reply: Reply) -> None:
        """Take a reply to be written, or a call that was held back to be given back."""
        answered = Answered(claim, reply, timezone.now())
        kept = reply.sent and self._journal.keep(answered)
        if kept and reply.request:
            self._pacer.kept(1)
        self._inbox.put((answered, kept))

    def _work(self) -> None:
        try:
            while self._round():
                pass
            self._note()
        except BaseException as problem:
            log.exception("the clerk of collection %s stopped", self._collection.pk)
            self.problem = problem
        finally:
            self._end()
            connection.close()

    def _no_more(self) -> None:
        """Give out nothing more: what is under way fits into the reserve, with the reason for the pause."""
        self.is_full = True
        self._pacer.stop(room.FULL)
        self._end()

    def _end(self) -> None:
        self._over = True
        self._stocked.set()  # whoever waits for a claim waits no longer

    def _round(self) -> bool:
        """Fetch more, write what came, give back what was held; whether there is a next round."""
        self._wanted.wait(GATHER_SECONDS)
        self._wanted.clear()
        closing = self._closing
        if not closing and not self._may_go_on():
            self._pacer.stop("the slice ended")
            self._end()
        if not closing:
            self._fetch()
        came = _all_in(self._inbox)
        self._write([answer for answer in came if answer[0].reply.sent])
        self._give_back([answered for answered, _ in came if not answered.reply.sent])
        self._open -= len(came)
        # What was written may have cost less than its worst: the budget may have room again.
        self._dry = self._dry and not came
        self._note()
        if closing:
            self._patiently(partial(ledger.release, list(self._stock), "not sent: the slice ended"))
        return not closing

    def _write(self, came: Sequence[tuple[Answered, bool]]) -> None:
        """Replies into the ledger. Where its disk is full those in the journal stay there until there is room again."""
        if came:
            self._patiently(
                lambda: ledger.record(self._collection, [a for a, kept in came if not (kept and self.is_full)])
            )
        self._journal.settled(0 if self.is_full else sum(kept for _, kept in came))
        if unkept := sum(not kept and bool(answered.reply.request) for answered, kept in came):
            self._pacer.kept(unkept)

    def _give_back(self, held: Sequence[Answered]) -> None:
        for why in {answer.reply.error for answer in held}:
            back = [answer.claim for answer in held if answer.reply.error == why]
            self._patiently(partial(ledger.release, back, f"not sent: {why}"))

    @property
    def _is_hungry(self) -> bool:
        return not self._dry and not self._over and len(self._stock) < self._size

    def _fetch(self) -> None:
        if not self._is_hungry:
            return
        # A short wait is stood through in line; for a longer one the slice ends and another begins when it is over.
        if self._pacer.stopped or self._pacer.held[0] > SHORT_HOLD:
            self._end()
            return
        claims = self._patiently(lambda: ledger.claim(self._collection, self._owner, self._size))
        self._stock.extend(claims)  # all at once: a sender that finds too few looks again only after a reply
        self._stocked.set()
        self._open += len(claims)
        self._dry = not claims
        if not self._open:
            self._end()

    def _note(self) -> None:
        """Keep with the collection what its page says about the pace, where that has changed."""
        seconds, why = self._pacer.held
        end = round(time.monotonic() + seconds, 0) if seconds else 0.0
        noted = (end, why, self._pacer.note)
        if noted == self._noted:
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
                    self._no_more()
                    continue
                log.warning("the ledger cannot be written, trying again: %s", problem)
                connection.close()
                time.sleep(0.5)


@contextlib.contextmanager
def _prompt() -> Iterator[None]:
    """Let nothing keep the sender from replies that are there: the clerk gives the interpreter back in a tenth of the
    usual time, and what was loaded before is not searched for garbage again and again (50 ms each time)."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 10)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before)


def _all_in(queue: SimpleQueue[T]) -> list[T]:
    """What has been put into the queue."""
    found: list[T] = []
    with contextlib.suppress(Empty):
        while True:
            found.append(queue.get_nowait())
    return found


class Feed(Iterator[Call]):
    """Calls as there is room for them. Where it ends for want of room it goes on when it is asked again later."""

    def __init__(self, clerk: Clerk, most: int) -> None:
        self._clerk, self._most = clerk, most
        self.open: dict[Key, Claim] = {}

    def __next__(self) -> Call:
        claim = self._clerk.next_claim(patient=not self.open) if len(self.open) < self._most else None
        if claim is None:
            raise StopIteration
        self.open[_key(claim.call)] = claim
        return claim.call

    def leaving(self, call: Call) -> None:
        """Tell the clerk that a call leaves; raises Held where it may not."""
        self._clerk.leaving(self.open[_key(call)])

    def answered(self, reply: Reply) -> Claim:
        """The claim that a reply belongs to, which is open no longer."""
        return self.open.pop(_key(reply.call))


def _key(call: Call) -> Key:
    return call.prompt.prompt_id, call.sample


def send(
    collection: Collection,
    owner: str,
    session: Session,
    pacer: EndpointPacer,
    *,
    may_go_on: Callable[[], bool],
    touch: Callable[[], None],
) -> None:
    """Send a collection's calls until none is due, the endpoint asks for time, or `may_go_on` says no.

    Raises NoRoom where a disk is full; what came back until then is kept.
    """
    clerk = Clerk(collection, owner, pacer, may_go_on)
    feed = Feed(clerk, pacer.pace.concurrency + max(2, pacer.pace.concurrency // 8))
    pacer.leaving = feed.leaving
    try:
        with _prompt(), clerk:
            while not clerk.is_over:
                for reply in session.send(feed):
                    touch()
                    clerk.hand_over(feed.answered(reply), reply)
                if feed.open:
                    raise AdapterError(f"the adapter left {len(feed.open)} calls unanswered")
    finally:
        # Whether those that left did arrive is not known: nothing came back that says so.
        left = [claim for claim in feed.open.values() if clerk.has_left(claim)]
        ledger.abandon(left)
        ledger.release([claim for claim in feed.open.values() if claim not in left], "not sent: the slice ended")
    if clerk.problem is not None:
        raise clerk.problem
    if clerk.is_full:
        raise room.NoRoom(room.FULL)
