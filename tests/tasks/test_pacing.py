"""The pace of an endpoint, on a real Valkey: shared by sessions, fair, and patient with a server in trouble."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis

from forensics.adapters import Call, Held, Reply
from forensics.records import Completion, GenerationConfig, Outcome, Prompt
from tasks import pacing
from tasks.pacing import EndpointPacer, Pace
from tests.conftest import HOME
from webapp import broker

pytestmark = pytest.mark.usefixtures("valkey")
URL = broker.client_url(HOME)
CALL = Call(Prompt.chat("p", "?"), 0, GenerationConfig())


def pacer(pace: Pace, collection: str = "a", **more: Any) -> EndpointPacer:
    return EndpointPacer(pace, more.pop("url", URL), collection=collection, **more)


def pace(**more: Any) -> Pace:
    """The pace of an endpoint that no other test has seen."""
    return Pace(f"http://{uuid.uuid4()}:80", **more)


def said(outcome: Outcome, **more: Any) -> Reply:
    return Reply(CALL, Completion("p", "", 0, outcome), **more)


async def sends(
    one: EndpointPacer, number: int, seconds: float = 0.0, log: list[tuple[str, float]] | None = None
) -> int:
    """So many calls at once, each of that length; how many were held back."""

    async def call() -> int:
        try:
            async with one.slot(CALL):
                if log is not None:
                    log.append((one._collection, time.monotonic()))
                await asyncio.sleep(seconds)
        except Held:
            return 1
        return 0

    return sum(await asyncio.gather(*(call() for _ in range(number))))


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    return asyncio.run(work())  # type: ignore[arg-type]


def test_two_sessions_together_keep_to_the_endpoints_number_of_calls_at_once() -> None:
    under_way, most, shared = 0, 0, pace(concurrency=5)

    async def call(one: EndpointPacer) -> None:
        nonlocal under_way, most
        async with one.slot(CALL):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.03)
            under_way -= 1

    async def work() -> None:
        both = pacer(shared, "a"), pacer(shared, "b")
        await asyncio.gather(*(call(one) for one in both for _ in range(20)))

    began = time.monotonic()
    run(work)
    assert most == 5
    assert time.monotonic() - began < 1.5


def test_the_rate_is_kept_by_all_sessions_together_and_gaps_only_grow() -> None:
    log: list[tuple[str, float]] = []
    shared = pace(concurrency=50, per_minute=1800, jitter=0.2)

    async def work() -> None:
        await asyncio.gather(*(sends(pacer(shared, name), 20, log=log) for name in "ab"))

    run(work)
    times = sorted(at for _, at in log)
    took = times[-1] - times[0]
    # 39 gaps of at least 1/30 s, less what calls may be early by; at most a fifth longer, and some slack.
    assert 39 / 30 - 0.06 <= took < 39 / 30 * 1.2 + 0.6


def test_a_late_collection_gets_its_share_at_once() -> None:
    log: list[tuple[str, float]] = []
    shared = pace(concurrency=4)

    async def work() -> None:
        first = asyncio.create_task(sends(pacer(shared, "large"), 120, 0.02, log))
        await asyncio.sleep(0.15)
        log.clear()
        await sends(pacer(shared, "small"), 20, 0.02, log)
        shares = Counter(name for name, _ in log)
        assert shares["large"] <= 2 * shares["small"]
        await first

    run(work)


def test_a_session_that_is_alone_seldom_asks_and_shares_as_soon_as_another_comes() -> None:
    shared, asked = pace(concurrency=4), Counter[str]()

    async def work() -> None:
        one, other = pacer(shared, "a"), pacer(shared, "b")
        for name, session in (("a", one), ("b", other)):
            counting(session, name)
        assert await sends(one, 200, 0.005) == 0
        assert asked["a"] < 50
        both = asyncio.gather(sends(one, 100, 0.01), sends(other, 20, 0.01))
        await asyncio.sleep(pacing.SOLO_MS / 1000)
        before = asked["a"]
        assert await both == [0, 0]
        assert asked["b"] > 2 and asked["a"] > before

    def counting(session: EndpointPacer, name: str) -> None:
        ask = session._ask

        async def counted(wanted: int) -> tuple[int, float]:
            asked[name] += 1
            return await ask(wanted)

        session._ask = counted  # type: ignore[method-assign]

    run(work)


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(60.0, 58, 60), (None, 0.9, 2.1), (0.0, 0.9, 2.1), (3.2e7, 590, 600), (-5.0, 0.9, 2.1)]
)
def test_a_server_that_asks_for_time_gets_it_from_every_session(asked: float | None, least: float, most: float) -> None:
    shared = pace()

    async def work() -> None:
        one, other = pacer(shared, "a"), pacer(shared, "b")
        await sends(one, 1)
        await one.saw(said(Outcome.THROTTLED, status=429, retry_after=asked))
        assert least <= one.held[0] <= most
        began = time.monotonic()
        if most > pacing.SHORT_HOLD:
            assert await sends(other, 3) == 3
            assert least <= other.held[0] <= most
        else:
            assert await sends(other, 3) == 0
            assert time.monotonic() - began >= least

    run(work)


def test_a_short_wait_is_stood_through_and_no_call_goes_early() -> None:
    log: list[tuple[str, float]] = []

    async def work() -> None:
        one = pacer(pace(concurrency=8))
        await sends(one, 1)
        began = time.monotonic()
        await one.saw(said(Outcome.THROTTLED, status=429, retry_after=1.0))
        assert await sends(one, 8, log=log) == 0
        assert 1.0 <= min(at for _, at in log) - began <= max(at for _, at in log) - began < 1.4

    run(work)


def test_failures_in_a_row_open_the_breaker_one_trial_call_closes_it_or_opens_it_for_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "FIRST_BREAK_MS", 300)
    broken = said(Outcome.FAILED, status=503, error="status 503")
    log: list[tuple[str, float]] = []

    async def work() -> None:
        one, other = (pacer(pace_, name) for pace_, name in ((shared, "a"), (shared, "b")))
        await sends(one, 1)
        for _ in range(4):
            await one.saw(broken)
        assert one.held == (0.0, "")
        await one.saw(said(Outcome.TIMED_OUT))
        assert 0.2 < one.held[0] <= 0.3
        waiting = [asyncio.create_task(sends(p, 3, 0.05, log)) for p in (one, other)]
        await asyncio.sleep(0.55)
        assert len(log) == 1  # half open: one trial call for both sessions
        await one.saw(broken)
        assert 0.5 < one.held[0] <= 0.6
        await asyncio.sleep(0.9)
        assert len(log) == 2
        await other.saw(said(Outcome.COMPLETED, status=200))
        assert await asyncio.gather(*waiting) == [0, 0]
        assert len(log) == 6

    shared = pace()
    run(work)


def test_a_key_that_is_refused_stops_the_session_and_no_other() -> None:
    shared = pace(concurrency=1)

    async def work() -> None:
        one, other = pacer(shared, "a"), pacer(shared, "b")
        await sends(one, 1)
        await one.saw(said(Outcome.FAILED, status=401, error="wrong key"))
        assert one.turned_away == "wrong key"
        one.kept(1)
        assert await sends(one, 4) == 4
        assert await sends(other, 4) == 0

    run(work)


def test_an_emptied_broker_forgets_neither_the_wait_nor_what_is_under_way() -> None:
    shared = pace(concurrency=2)

    async def work() -> None:
        one, other = pacer(shared, "a"), pacer(shared, "b", shared=True)
        holding = asyncio.create_task(sends(one, 2, 4.0))
        await asyncio.sleep(0.1)
        redis.Redis.from_url(URL).flushall()
        began = time.monotonic()
        assert await sends(other, 1) == 0
        # The first session told that it holds both places before the second could take one.
        assert holding.done() or time.monotonic() - began > 3.0
        await holding
        await one.saw(said(Outcome.THROTTLED, status=429, retry_after=90.0))
        redis.Redis.from_url(URL).flushall()
        assert await sends(one, 1) == 1
        assert await sends(other, 1) == 1

    run(work)


def test_without_a_broker_calls_go_at_a_quarter_of_the_pace_and_it_is_said() -> None:
    async def work() -> None:
        alone = pacer(pace(concurrency=8), url="unix:///nowhere/valkey.sock")
        under_way = most = 0

        async def call() -> None:
            nonlocal under_way, most
            async with alone.slot(CALL):
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0.02)
                under_way -= 1

        await asyncio.gather(*(call() for _ in range(10)))
        assert most == 2
        assert alone.note == pacing.BROKER_AWAY
        await alone.saw(said(Outcome.THROTTLED, status=429, retry_after=30.0))
        assert await sends(alone, 1) == 1

    run(work)


def test_a_place_is_kept_until_the_reply_is_written() -> None:
    async def work() -> None:
        one = pacer(pace(concurrency=2))
        await sends(one, 2)
        for _ in range(2):
            await one.saw(said(Outcome.COMPLETED, status=200))
        third = asyncio.create_task(sends(one, 1))
        await asyncio.sleep(0.3)
        assert not third.done()
        one.kept(1)
        assert await asyncio.wait_for(third, 2) == 0

    run(work)


def test_a_session_that_dies_gives_its_places_back_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "EXPIRY_MS", 600)
    shared = pace(concurrency=1)

    async def dies() -> None:
        one = pacer(shared, "a")
        holding = asyncio.create_task(sends(one, 1, 60.0))
        await asyncio.sleep(0.1)
        monkeypatch.setattr(one, "_ask", _nothing)
        holding.cancel()

    async def goes_on() -> None:
        began = time.monotonic()
        assert await sends(pacer(shared, "b"), 1) == 0
        assert 0.2 < time.monotonic() - began < 2.0

    run(dies)
    run(goes_on)


async def _nothing(_: int) -> tuple[int, float]:
    return 0, 0.0


def test_a_session_ends_even_where_its_end_falls_into_a_question_to_the_broker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.11's wait_for, which redis-py sends with, may swallow a cancellation."""
    monkeypatch.setattr(pacing, "COALESCE", 0)

    async def once(spins: int) -> None:
        one = pacer(pace())
        await sends(one, 1)
        doorman = one._doorman
        assert doorman is not None
        await asyncio.sleep(0.005)
        one._wake.set()
        for _ in range(spins):
            await asyncio.sleep(0)
        doorman.cancel()
        done, _ = await asyncio.wait([doorman], timeout=3.0)
        assert done, f"the doorman stayed after {spins} turns of the loop"

    async def work() -> None:
        for spins in range(40):
            await once(spins)

    run(work)


def test_a_session_that_waits_with_calls_under_way_keeps_their_places_however_often_it_is_asked_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "EXPIRY_MS", 900)
    monkeypatch.setattr(pacing, "BEAT", 0.2)

    async def work() -> None:
        shared, over = pace(concurrency=4), asyncio.Event()
        waiting, other = pacer(shared, "a", shared=True), pacer(shared, "b", shared=True)

        async def call(one: EndpointPacer) -> None:
            async with one.slot(CALL):
                await over.wait()

        await asyncio.sleep(pacing.QUIET_MS / 1000)
        calls = [asyncio.create_task(call(waiting)) for _ in range(3)]
        await asyncio.sleep(2.0)
        assert waiting._in_flight == 3
        for _ in range(3):
            waiting._hold.extend(0.6, "the endpoint asked for it")
            await asyncio.sleep(0.5)
        calls += [asyncio.create_task(call(other)) for _ in range(4)]
        await asyncio.sleep(1.5)
        assert other._in_flight == 1
        over.set()
        await asyncio.gather(*calls)

    run(work)
