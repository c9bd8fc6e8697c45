"""Servers in trouble: they throttle, fail, vanish, stall or never end. Nobody sends early, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from tests.faults.stage import Stage
from tests.faults.table import Found
from tests.helpers.answering import completion, words_of
from webapp.probing import live, queries, services

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
ON_THE_WAY = 0.4
"""Seconds within which a send that left before the wait was read may still arrive, on a machine with much to do."""


class Throttle:
    """Says 429 to a share of the sends for some seconds, and notes who comes before the time that it named."""

    def __init__(self, share: float, seconds: float, forms: list[tuple[str | None, float]], latency: float) -> None:
        self._random, self._share, self._seconds = random.Random(11), share, seconds
        self._forms, self._latency = forms, latency
        self.holds: list[tuple[float, float]] = []
        self.early: list[float] = []
        self.began = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question, now = words_of(await request.read()), time.monotonic()
        self.began = self.began or now
        self.early += [until - now for said, until in self.holds if said + ON_THE_WAY < now < until - 0.02]
        await asyncio.sleep(self._latency)
        if now - self.began > self._seconds or self._random.random() >= self._share:
            return completion(f"{question} indeed")
        form, least = self._random.choice(self._forms)
        if form == "date":
            # A date has whole seconds: it is not before this one.
            form = format_datetime(datetime.now(UTC) + timedelta(seconds=least + 1), usegmt=True)
        said = time.monotonic()
        if least:
            self.holds.append((said, said + least))
        return web.Response(status=429, headers={} if form is None else {"Retry-After": form}, text="slow down")

    @property
    def held(self) -> float:
        """Seconds during which nothing may be sent, overlaps counted once."""
        total, end = 0.0, 0.0
        for said, until in self.holds:
            total += max(0.0, until - max(said, end))
            end = max(end, until)
        return total


def test_a_storm_of_429(stage: Stage, size: Any, report: Any) -> None:
    calls, seconds, at_once = size((120, 8.0, 16), (6000, 300.0, 32))
    forms = [("1", 1.0), ("2.5", 2.5), ("date", 1.0), (None, 0.0), ("soon", 0.0), ("-5", 0.0), ("nan", 0.0)]
    storm, shown = Throttle(0.8, seconds, forms, 0.05), []
    with stage.serving(handler=storm.handle):
        stage.collect(calls, at_once)
        with stage.worker() as worker:
            worker.until(lambda: (shown.append(live.row(stage.collection)["held"]), stage.ended())[1], seconds + 240)
    found, throttled = stage.found(), queries.attempts(stage.collection).filter(outcome="throttled").count()
    bars = {
        f"early by {sorted(storm.early)}": not storm.early,
        "never shown as throttled": any("Nothing is sent for" in words for words in shown),
        "not all completed": stage.collection.counts == {"completed": calls},
        "more repeated": found.extra == 0,
    }
    report(
        f"429 storm, 80 % for {seconds:.0f} s, 7 forms",
        f"{calls:,} calls, {throttled:,} throttled",
        found,
        stage.bars() | bars,
    )


def test_30_percent_429(stage: Stage, size: Any, report: Any) -> None:
    calls, at_once, latency = size((200, 32, 0.1), (2000, 64, 0.1))
    throttle = Throttle(0.3, 1e9, [("1", 1.0)], latency)
    with stage.serving(handler=throttle.handle):
        stage.collect(calls, at_once)
        with stage.worker() as worker:
            worker.until(stage.ended, 280)
    found = stage.found()
    took = stage.arrived[-1][0] + latency - throttle.began
    # While the server says wait nothing can be sent; between two waits a send takes its time, side by side.
    unavoidable = throttle.held + len(stage.arrived) * latency / at_once
    bars = {
        f"early by {sorted(throttle.early)}": not throttle.early,
        "not all completed": stage.collection.counts == {"completed": calls},
        f"{took / unavoidable:.2f} of the unavoidable time": took <= 1.3 * unavoidable,
        "more repeated": found.extra == 0,
    }
    load = (
        f"{calls:,} calls, {len(throttle.holds)} times 429, {took:.0f} s: {took / unavoidable:.2f} of the unavoidable"
    )
    report("30 % 429, Retry-After: 1", load, found, stage.bars() | bars)


def test_an_absurd_wait_is_cut_to_ten_minutes_and_shown(stage: Stage, report: Any) -> None:
    def decide(*_: Any) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "999999999"})

    with stage.serving(decide):
        collection = stage.collect(20, 2)
        with stage.worker() as worker:
            worker.until(lambda: (stage.ended(), "Nothing is sent" in live.row(collection)["held"])[1])
            told, sends = live.row(collection)["held"], len(stage.arrived)
            seconds = (collection.held_until - datetime.now(UTC)).total_seconds()
            worker.until(lambda: time.monotonic() - stage.arrived[-1][0] > 4)
        assert services.cancel(collection)
    tally = queries.counted(collection)
    bars = {
        "the wait is not ten minutes": 580 < seconds <= 600,
        "it is not said why": "the endpoint asked for" in told,
        "sent in spite of it": len(stage.arrived) == sends <= 2,
        "planned is not outcomes and unsent": tally.is_whole and tally.unsent == 20,
    }
    report("Retry-After of 31 years", "20 calls, cancelled while held", Found(0, 0, stage.found().extra), bars)


NAME = "flaky.test"
RESOLVER = """
import os, socket
real = socket.getaddrinfo
def flaky(host, *rest, **more):
    if host != os.environ["FLAKY_NAME"]:
        return real(host, *rest, **more)
    if not os.path.exists(os.environ["FLAKY_FILE"]):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return real("127.0.0.1", *rest, **more)
socket.getaddrinfo = flaky
"""
"""The resolver of a worker's process: it knows one name more, for as long as a file exists."""


class Trouble:
    """Fails a share of the sends, by status or by cutting the connection; while `dark`, all of them."""

    def __init__(self, share: float, seconds: float) -> None:
        self._random, self._share, self._seconds = random.Random(5), share, seconds
        self.dark, self.began = False, 0.0
        self.in_the_dark: list[float] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question, now = words_of(await request.read()), time.monotonic()
        self.began = self.began or now
        await asyncio.sleep(0.05)
        if self.dark:
            self.in_the_dark.append(now)
        elif now - self.began > self._seconds or self._random.random() >= self._share:
            return completion(f"{question} indeed")
        status = self._random.choice([500, 502, 503, 0])
        if not status:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 500, text="oops")


def test_5xx_resets_and_dns_flaps(stage: Stage, size: Any, report: Any) -> None:
    calls, seconds, blackouts, length = size((250, 10.0, 1, 6.0), (8000, 600.0, 8, 20.0))
    at_once, resumed, held = 8, 0.0, set()
    (stage.folder / "sitecustomize.py").write_text(RESOLVER)
    known = stage.folder / "known"
    known.touch()
    for name, value in (("PYTHONPATH", stage.folder), ("FLAKY_NAME", NAME), ("FLAKY_FILE", known)):
        stage.set(name, value)
    # A session looks the name up once: a short slice meets more of the flaps.
    stage.set("FILIATION_SLICE_SECONDS", 2)
    trouble = Trouble(0.3, seconds)
    with stage.serving(handler=trouble.handle) as served:
        stage.set("FILIATION_PRIVATE_HOSTS", f"{NAME}:{served.port}")
        stage.collect(calls, at_once, url=f"http://{NAME}:{served.port}/v1")
        with stage.worker() as worker:
            for number in range(blackouts):
                worker.until(lambda: stage.sent((number + 1) * calls // (blackouts + 3)), seconds)  # noqa: B023
                trouble.dark = True
                known.unlink()
                ends = time.monotonic() + length
                while time.monotonic() < ends:
                    stage.ended()
                    held.add(stage.collection.held_why)
                    time.sleep(0.1)
                trouble.dark = False
                known.touch()
                resumed = max(resumed, stage.resumed_after(time.monotonic(), worker, 60))
            worker.until(stage.ended, seconds + 120)
    sends_in_the_dark = len(trouble.in_the_dark)
    found = stage.found(resumed)
    unresolved = queries.attempts(stage.collection).filter(error__contains="cannot be resolved").count()
    # A failed look-up is an attempt that no server has seen.
    found = Found(found.lost, found.twice, max(0, found.extra + unresolved), resumed)
    counts = stage.collection.counts
    bars = {
        "no look-up failed": unresolved > 0,
        "the breaker did not open": any("failures in a row" in why for why in held),
        f"{sends_in_the_dark} sends to a dead server": sends_in_the_dark <= blackouts * (at_once + 5 + length),
        "planned is not outcomes": sum(counts.values()) == calls,
        "resumed late": resumed <= 2 * length + 5,
    }
    failed = counts.get("failed", 0)
    load = f"{calls:,} calls, {blackouts} x {length:.0f} s dark, {unresolved} look-ups failed, {failed} calls given up"
    report(f"5xx, resets, DNS flaps, 30 % for {seconds:.0f} s", load, found, stage.bars() | bars)


class Slow:
    """Stalls some questions in one of four ways when they are asked first, and notes how long each held its place."""

    ways = ("late headers", "a byte now and then", "never ends", "stops in the middle")

    def __init__(self, byte_every: float) -> None:
        self._every = byte_every
        self.held: dict[str, float] = {}
        self._asked: set[str] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = words_of(await request.read())
        number = int(question.removeprefix("Question ").removesuffix("?"))
        if number % 10 or question in self._asked:
            await asyncio.sleep(0.02)
            return completion(f"{question} indeed")
        self._asked.add(question)
        began = time.monotonic()
        try:
            return await self._stall(self.ways[number // 10 % 4], request)
        finally:
            self.held[question] = time.monotonic() - began

    async def _stall(self, way: str, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        if way == "late headers":
            await asyncio.sleep(600)
        await response.prepare(request)
        while True:
            await response.write(b" " if way != "stops in the middle" else b'{"choices"')
            await asyncio.sleep({"a byte now and then": self._every, "never ends": 0.05}.get(way, 600))


def test_slow_and_endless_replies(stage: Stage, size: Any, report: Any) -> None:
    calls, at_once, silence, patience = size((80, 4, 1.0, 2.5), (200, 8, 60.0, 180.0))
    stage.set("FILIATION_SILENCE_SECONDS", silence)
    stage.set("FILIATION_REPLY_SECONDS", patience)
    slow = Slow(10.0 if silence > 10 else 0.4)
    with stage.serving(handler=slow.handle):
        collection = stage.collect(calls, at_once)
        with stage.worker() as worker:
            worker.until(stage.ended, 60 + 8 * patience)
    found, longest = stage.found(), max(slow.held.values())
    stalled = queries.attempts(collection).filter(number=1, outcome="timed-out")
    kept = sum(bool(raw) for raw in stalled.values_list("raw_sha256", flat=True))
    bars = {
        f"a place was held for {longest:.1f} s": longest <= patience + 1.5,
        "another outcome than timed-out": stalled.count() == calls // 10,
        "what came is not kept": kept == sum(n // 10 % 4 != 0 for n in range(0, calls, 10)),
        "not all completed": collection.counts == {"completed": calls},
        "more repeated": found.extra == 0,
    }
    load = (
        f"{calls} calls, {calls // 10} stalled in 4 ways, limits {silence:g}, {patience:g} s: longest {longest:.1f} s"
    )
    report("slow or endless replies", load, found, stage.bars() | bars)
