"""Servers that throttle, in every form of Retry-After: nobody sends early, and nothing is lost."""

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
