"""Workers that die, or stop and come back: nothing is lost, nothing counts twice, every send is on record."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import time
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import web
from django.db import connection

from tests.faults.stage import Stage
from tests.helpers.answering import completion, words_of
from webapp.probing import leases, queries
from webapp.probing.models import Attempt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]


def test_kill_9_of_a_worker(stage: Stage, size: Any, report: Any) -> None:
    calls, kills, at_once = size((300, 3, 8), (2000, 20, 8))
    resumed = 0.0
    with stage.serving(), ExitStack() as workers:
        stage.collect(calls, at_once)
        worker = workers.enter_context(stage.worker())
        for kill in range(1, kills + 1):
            worker.until(lambda: stage.sent(kill * calls // (kills + 1)))  # noqa: B023
            worker.kill()
            killed = time.monotonic()
            worker = workers.enter_context(stage.worker())
            resumed = max(resumed, stage.resumed_after(killed, worker))
        worker.until(stage.ended, 120)
    found = stage.found(resumed)
    bars = {"more repeated than under way": found.extra <= kills * at_once, "resumed late": resumed <= 60}
    report(
        f"kill -9 worker, {connection.vendor}",
        f"{kills} kills in {calls:,} calls, {at_once} at once",
        found,
        stage.bars() | bars,
    )


def test_the_same_command_after_kill_9_of_everything_at_half(stage: Stage, size: Any, report: Any) -> None:
    calls, at_once = size((200, 16), (2000, 64))
    with stage.serving():
        stage.collect(calls, at_once)
        for half in (True, False):
            with stage.command() as command, stage.worker() as worker:
                if half:
                    worker.until(lambda: stage.sent(calls // 2))
                    worker.kill()
                    command.kill()
                    killed = time.monotonic()
                else:
                    resumed = stage.resumed_after(killed, worker)
                    worker.until(lambda: (stage.ended(), command.poll() is not None)[1], 120)
                    assert command.returncode == 0
    delivered_twice = sum(times > 1 for times in stage.repeated().values())
    bars = {"more delivered twice than under way": delivered_twice <= at_once}
    report(
        "kill -9 of all at half, same command",
        f"{calls:,} calls, {at_once} at once",
        stage.found(resumed),
        stage.bars() | bars,
    )


class Cut:
    """Answers like any server, until it is armed: then it kills the worker some milliseconds after it has answered.

    With `held` it takes the database's write lock before it answers, so that the reply surely cannot be committed.
    """

    def __init__(self) -> None:
        self.armed = self.held = False
        self.points: list[tuple[str, bool, int]] = []
        self._random = random.Random(4)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        question = words_of(await request.read())
        await asyncio.sleep(0.02)
        reply = completion(f"{question} indeed")
        if not self.armed:
            return reply
        self.armed = False
        with self._lock() if self.held else contextlib.nullcontext():
            worker = self._worker_of(question)
            await reply.prepare(request)
            await reply.write_eof()
            await asyncio.sleep(self._random.uniform(0, 0.03))
            os.kill(worker, signal.SIGKILL)
            await asyncio.sleep(0.02)
        self.points.append((question, self.held, worker))
        return reply

    @contextlib.contextmanager
    def _lock(self) -> Any:
        with contextlib.closing(sqlite3.connect(self._database(), timeout=10, isolation_level=None)) as link:
            link.execute("BEGIN IMMEDIATE")
            yield
            link.execute("ROLLBACK")

    def _worker_of(self, question: str) -> int:
        """The process that sent a question: the claim's owner is host/process/slice."""
        prompt = f"p{int(question.removeprefix('Question ').removesuffix('?')):03}"
        asked = (
            "SELECT lease_owner FROM probing_probecall JOIN probing_probe ON probing_probe.id = probe_id "
            "WHERE prompt_id = ?"
        )
        with contextlib.closing(sqlite3.connect(self._database(), timeout=10)) as link:
            return int(link.execute(asked, [prompt]).fetchone()[0].split("/")[1])

    @staticmethod
    def _database() -> str:
        return str(connection.settings_dict["NAME"])


def test_kill_between_reply_and_commit(stage: Stage, size: Any, report: Any, settings: Any) -> None:
    points, at_once = size(4, 100), 16
    settings.LEASE_SECONDS = 1.0
    stage.set("FILIATION_LEASE_SECONDS", 1)
    cut, resumed = Cut(), 0.0
    with stage.serving(handler=cut.handle):
        # At this rate few calls are under way, so that the places of a dead worker do not keep the next one waiting.
        stage.collect(points * 30, at_once, per_minute=3000)
        # The parent stays and replaces the process that is killed.
        with stage.worker("--pool=prefork", "--concurrency=1") as worker:
            for point in range(points):
                worker.until(lambda: stage.sent(point * 15 + 5))  # noqa: B023
                cut.held, cut.armed = point % 2 == 0, True
                worker.until(lambda: len(cut.points) > point)  # noqa: B023
                resumed = max(resumed, stage.resumed_after(time.monotonic(), worker))
            worker.until(stage.ended, 120)
    # None of these was committed by the worker that it came to: it is in that worker's journal, or it is lost.
    became = {question: _became(question, worker) for question, held, worker in cut.points if held}
    kept = {question for question, kind in became.items() if kind == "answered"}
    lost = {question for question, kind in became.items() if kind == "lost"}
    repeated, found = stage.repeated(), stage.found(resumed)
    bars = {
        "a reply is neither taken from the journal nor logged as lost": kept | lost == set(became),
        "a lost one was not sent again": all(repeated[question] > 1 for question in lost),
        "the journal kept nothing": bool(kept),
        "more repeated than under way": found.extra <= points * at_once,
    }
    load = f"{points} points, {len(became)} surely before the commit: {len(kept)} kept, {len(lost)} lost"
    report("kill between reply and commit", load, found, stage.bars() | bars)


def _became(question: str, worker: int) -> str:
    """What is on record of a send by this process."""
    number = question.removeprefix("Question ").removesuffix("?")
    sends = Attempt.objects.filter(call__probe__prompt_id=f"p{int(number):03}", worker__contains=f"/{worker}/")
    return ", ".join(sends.values_list("kind", flat=True))


def test_a_zombie_past_its_lease(stage: Stage, size: Any, report: Any) -> None:
    zombies, at_once, resumed = size(1, 20), 4, 0.0
    closed = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        question = words_of(await request.read())
        await asyncio.sleep(0.15)
        while closed.is_set():
            await asyncio.sleep(0.02)
        return completion(f"{question} indeed")

    with stage.serving(handler=handle):
        collection = stage.collect(zombies * 60, at_once)
        with stage.worker() as one, stage.worker() as other:
            for zombie in range(zombies):
                one.until(lambda: stage.sent(zombie * 30 + 10) and queries.counted(collection).leased)  # noqa: B023
                closed.set()
                one.until(lambda: time.monotonic() - stage.arrived[-1][0] > 0.3)
                stopped = _owner(collection)
                os.kill(stopped, signal.SIGSTOP)
                closed.clear()
                resumed = max(resumed, stage.resumed_after(time.monotonic(), other))
                # Others take an expired lease after all that waits; until then the zombie's reply is as good as any.
                other.until(leases.sweep)
                late = Attempt.objects.filter(kind="late").count()
                os.kill(stopped, signal.SIGCONT)
                one.until(lambda: Attempt.objects.filter(kind="late").count() > late)  # noqa: B023
            one.until(stage.ended, 60)
    found = stage.found(resumed)
    late = Attempt.objects.filter(kind="late").count()
    # One that wakes may send what it has in hand before it hears that it was replaced.
    bars = {
        "a late write was not refused": late >= zombies,
        "more repeated than it had in hand": found.extra <= 2 * zombies * at_once,
    }
    report("zombie worker past its lease", f"{zombies} zombies, {late} late writes refused", found, stage.bars() | bars)


def _owner(collection: Any) -> int:
    """The process that holds the collection's leases: an owner is host/process/slice."""
    held = collection.calls.filter(state="leased").order_by("-lease_expires").values_list("lease_owner", flat=True)
    return int(held[0].split("/")[1])
