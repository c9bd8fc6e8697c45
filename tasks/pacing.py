"""The pace of an endpoint, kept by all workers together: a rate, a number of calls at once, and waits asked for.

Redis keeps the count, by a script that decides in one step (pacing.lua). One doorman per session asks for all calls
that wait there, so that a call costs a fraction of a question. A session that is alone at an endpoint without a rate
is given all its places for a moment at a time, and passes them from call to call without asking. Nothing is lost with
Redis: what a worker knows it tells again, and without Redis it keeps a pace of a quarter, and says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from forensics.adapters import Call, Held, Reply
from forensics.collection import LONGEST_WAIT, asked_for, refused
from forensics.records import Outcome

log = logging.getLogger(__name__)

SCRIPT = Path(__file__).with_suffix(".lua").read_text(encoding="utf-8")
SHORT_HOLD = 5.0
"""Seconds of a wait that a call stands through in line; for a longer one it is given back."""
LONGEST_IN_LINE = 15.0
BEAT = 1.0
EXPIRY_MS = 6_000
BURST_MS = 50
"""By how much a call may be early against the rate, so that asking in rounds does not slow it down."""
QUIET_MS = 1_500
LEAVING = -1
SOLO_MS = 200
"""For how long a session that is alone has the endpoint to itself; it asks again after half of that."""
COALESCE = 0.004
AWAY_SECONDS = 2.0
FAILURES_IN_A_ROW = 5
FIRST_BREAK_MS, LONGEST_BREAK_MS = 2_000, 120_000
CAREFUL_SHARE = 4
BROKER_AWAY = "the broker does not answer: each worker keeps to a quarter of the pace by itself until it does"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one origin may be sent to: calls at once, calls a minute (None: no limit), and how much gaps vary."""

    origin: str
    concurrency: int = 16
    per_minute: float | None = None
    jitter: float = 0.1

    @property
    def gap_ms(self) -> float:
        """Milliseconds between two calls, 0 where the rate is not limited."""
        return 60_000.0 / self.per_minute if self.per_minute else 0.0


@dataclass(slots=True)
class _Hold:
    """Until when nothing is sent, by this process' own clock."""

    until: float = 0.0
    why: str = ""

    def left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def extend(self, seconds: float, why: str) -> None:
        until = time.monotonic() + min(seconds, LONGEST_WAIT)
        if until > self.until:
            self.until, self.why = until, why


class EndpointPacer:
    """One session's place before an endpoint. `shared`: others may be sending there, even if Redis knows of none."""

    def __init__(self, pace: Pace, url: str, *, collection: str, seed: int = 0, shared: bool = False) -> None:
        self.pace, self.stopped, self.turned_away = pace, "", ""
        self.leaving: Callable[[Call], None] = lambda _: None
        """Told of every call just before it leaves; may raise Held."""
        self._url, self._collection, self._holder = url, collection, f"{collection}/{uuid.uuid4().hex}"
        self._random = random.Random(seed)
        self._line: deque[tuple[asyncio.Future[None], float]] = deque()
        self._in_flight = self._unkept = self._half = self._fails = 0
        self._born = -1 if shared else 0
        self._hold, self._troubled, self._away_until = _Hold(), True, 0.0
        self._next_alone = self._solo_until = 0.0
        self._asking = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._doorman: asyncio.Task[None] | None = None

    @property
    def held(self) -> tuple[float, str]:
        """Seconds for which nothing may be sent, and why; (0, '') where calls may go."""
        left = self._hold.left()
        return (left, self._hold.why) if left else (0.0, "")

    @property
    def note(self) -> str:
        """What is unusual about the pace now, or ''."""
        return BROKER_AWAY if self._away_until else ""

    def stop(self, why: str) -> None:
        """Let no more call of this session go. Those under way are not touched."""
        self.stopped = self.stopped or why
        self._soon(lambda: self._wake.set())

    def kept(self, number: int) -> None:
        """So many replies are kept. Until then they hold their places, so that a worker's death repeats no more calls
        than may be under way."""
        self._soon(lambda: self._freed(number))

    def _soon(self, work: Callable[[], None]) -> None:
        """Have it done by the session's own thread, which alone changes what is counted here."""
        if self._loop is not None and not self._loop.is_closed():
            mine = threading.get_ident() == self._thread
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon(work) if mine else self._loop.call_soon_threadsafe(work)

    def _freed(self, kept: int = 0) -> None:
        """Pass places on that were given back: to those in line, or by way of the doorman."""
        self._unkept = max(0, self._unkept - kept)
        if self._is_solo:
            self._let_go(self._room)
        else:
            self._wake.set()

    @property
    def _room(self) -> int:
        return self.pace.concurrency - self._in_flight - self._unkept

    @property
    def _is_solo(self) -> bool:
        # Not while asking: the answer counts what was held when the question was put.
        alone = not self._asking and time.monotonic() < self._solo_until
        return alone and not self.stopped and not self._hold.left()

    @contextlib.asynccontextmanager
    async def slot(self, call: Call, /) -> AsyncIterator[None]:
        """Waits for this call's turn and holds a place for the length of the block; raises Held."""
        await self._turn()
        try:
            self.leaving(call)
            yield
        finally:
            self._in_flight -= 1
            # A moment later: what the reply teaches comes first, and it keeps its place until it is kept elsewhere.
            asyncio.get_running_loop().call_soon(self._freed)

    async def _turn(self) -> None:
        if self._doorman is None:
            self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
            self._thread = threading.get_ident()
            self._doorman = self._loop.create_task(self._attend(), name=f"doorman of {self.pace.origin}")
        if self._is_solo and not self._line and self._room > 0:
            self._in_flight += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((place, time.monotonic()))
        self._wake.set()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._in_flight -= 1
            raise

    async def saw(self, reply: Reply) -> None:
        """Learns from a reply: waits that the server asks for, failures in a row, a key that is refused."""
        if not reply.sent:
            return
        self._unkept += 1
        status, outcome = reply.status, reply.completion.outcome
        if refused(reply):
            self.turned_away = reply.error
            self.stop(f"the endpoint turned a call away: {reply.error}"[:300])
        elif outcome is Outcome.THROTTLED or (status is not None and status >= 500 and asked_for(reply)):
            seconds = asked_for(reply) or 0.0
            said = f"the endpoint asked for {seconds:.0f} s" if seconds else "the endpoint is throttling"
            self._hold.extend(seconds or FIRST_BREAK_MS / 1000, said)
            await self._tell("throttled", seconds, said)
        elif outcome is Outcome.TIMED_OUT or (outcome is Outcome.FAILED and (status is None or status >= 500)):
            await self._tell("failing", 0.0, f"failures in a row, the last one: {reply.error}"[:300])
        elif self._troubled:
            self._troubled, self._fails = False, 0
            await self._tell("good", 0.0, "")

    async def _tell(self, kind: str, seconds: float, why: str) -> None:
        if kind != "good":
            self._solo_until = 0.0
        words = ["note", kind, round(seconds * 1000), why, FAILURES_IN_A_ROW, FIRST_BREAK_MS, LONGEST_BREAK_MS]
        answer = await self._run(words)
        if answer is not None:
            self._learn(answer)
        elif kind == "failing":
            self._fails += 1
            if self._fails >= FAILURES_IN_A_ROW:
                grown = FIRST_BREAK_MS * 2.0 ** (self._fails - FAILURES_IN_A_ROW)
                self._hold.extend(min(grown, LONGEST_BREAK_MS) / 1000, why)
        self._wake.set()

    def _learn(self, answer: list[Any]) -> None:
        _, wait, why, troubled, self._born, self._half, _ = answer
        self._troubled = bool(troubled)
        if why:
            self._hold.extend(int(wait) / 1000, str(why))

    async def _attend(self) -> None:
        """The doorman: lets calls go as places are granted, until the session ends."""
        self._client = redis.asyncio.Redis.from_url(
            self._url, socket_timeout=1.0, socket_connect_timeout=1.0, decode_responses=True
        )
        self._script = self._client.register_script(SCRIPT)
        me = asyncio.current_task()
        assert me is not None
        try:
            # The session ends by a cancellation, which Python 3.11's wait_for (redis-py sends with it) may swallow.
            while not me.cancelling():
                delay = await self._round()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()
                self._wake.clear()
                await asyncio.sleep(COALESCE)
        except Exception:
            self._send_away(lambda: RuntimeError("the doorman has gone"))
            raise
        finally:
            await self._leave()

    async def _leave(self) -> None:
        self._in_flight, self._unkept = LEAVING, 0
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._ask(0)
        await self._client.aclose()

    async def _round(self) -> float:
        """Let go whom it may; seconds after which to look again unless something happens."""
        left, why = self.held
        if self.stopped:
            self._send_away(lambda: Held(1.0, self.stopped))
        elif left > SHORT_HOLD:
            self._send_away(lambda: Held(left, why))
        elif left:
            self._send_the_patient_away(why)
            await self._ask(0)  # what is under way still holds its places: a session that is silent is forgotten
            return min(left, BEAT)
        granted, wait = await self._ask(max(0, min(len(self._line), self._room)))
        self._let_go(self._room if self._is_solo else granted)
        self._send_the_patient_away("many other calls are ahead at this endpoint")
        if self._is_solo:
            return SOLO_MS / 2000
        return min(wait, BEAT) if self._line and wait else BEAT

    def _let_go(self, granted: int) -> None:
        while granted > 0 and self._line:
            place, _ = self._line.popleft()
            if not place.done():
                place.set_result(None)
                self._in_flight += 1
                granted -= 1

    def _send_away(self, reason: Any) -> None:
        while self._line:
            place, _ = self._line.popleft()
            if not place.done():
                place.set_exception(reason())

    def _send_the_patient_away(self, why: str) -> None:
        while self._line and time.monotonic() - self._line[0][1] > LONGEST_IN_LINE:
            place, _ = self._line.popleft()
            if not place.done():
                place.set_exception(Held(1.0, why))

    async def _ask(self, wanted: int) -> tuple[int, float]:
        """How many calls may go now, and seconds to wait for more."""
        pace = self.pace
        gap = pace.gap_ms * (1.0 + pace.jitter * self._random.random())
        left, why = self.held
        words = ["ask", self._holder, self._collection, self._in_flight + self._unkept, wanted, pace.concurrency,
                 gap, BURST_MS, EXPIRY_MS, round(left * 1000), why,
                 self._born, self._half, QUIET_MS, SOLO_MS]  # fmt: skip
        asked, self._asking = time.monotonic(), True
        try:
            answer = await self._run(words)
        finally:
            self._asking = False
        if answer is None:
            self._solo_until = 0.0
            return self._alone(wanted)
        self._learn(answer)
        self._solo_until = asked + int(answer[6]) / 1000 if answer[6] else 0.0
        return int(answer[0]), int(answer[1]) / 1000

    async def _run(self, words: list[Any]) -> list[Any] | None:
        """The script's answer, or None while Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            answer: list[Any] = await self._script(keys=[f"filiation:pace:{self.pace.origin}"], args=words)
        except (RedisError, OSError, TimeoutError) as problem:
            if not self._away_until:
                log.warning("pacing %s: %s (%s)", self.pace.origin, BROKER_AWAY, problem)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None
        self._away_until = 0.0
        return answer

    def _alone(self, wanted: int) -> tuple[int, float]:
        """What a worker that cannot ask lets go: a quarter of the places, at a quarter of the rate."""
        now, gap = time.monotonic(), self.pace.gap_ms * CAREFUL_SHARE / 1000
        room = max(1, self.pace.concurrency // CAREFUL_SHARE) - self._in_flight - self._unkept
        granted = max(0, min(wanted, room))
        if gap:
            granted = min(granted, 1) if now >= self._next_alone else 0
            self._next_alone = now + gap if granted else self._next_alone
        return granted, 0.05
