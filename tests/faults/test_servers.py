"""Servers in trouble: they fail, vanish, stall or never end. A place is held only so long, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import pytest
from aiohttp import web

from tests.faults.stage import Stage
from tests.faults.table import Found
from tests.helpers.answering import completion, words_of
from webapp.probing import queries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
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
    calls, seconds, blackouts, length = size((250, 10.0, 1, 9.0), (8000, 600.0, 8, 20.0))
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
                worker.until(lambda: stage.sent((number + 1) * calls // (blackouts + 3)), max(60, seconds))  # noqa: B023
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
    calls, at_once, silence, patience = size((80, 4, 1.0, 2.5), (80, 8, 60.0, 180.0))
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
