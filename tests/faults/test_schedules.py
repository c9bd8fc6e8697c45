"""Two beats, clock changes, and a long outage: one message for each slot and beat, and doubled ones do no harm."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import redis
from celery.schedules import schedule
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from tasks.app import RECONCILE_SECONDS
from tests.conftest import HOME
from tests.faults.stage import Stage
from tests.faults.table import Found
from tests.helpers.workers import ROOT, database_url
from webapp import broker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
BEAT = [sys.executable, "-m", "celery", "-A", "tasks.app", "beat", "-l", "INFO", "--pidfile="]


@contextmanager
def beating(folder: Path, number: int = 1, **more: str) -> Iterator[list[Path]]:
    """So many real beats on this test's database; gives their logs."""
    logs = [folder / f"beat-{i}.log" for i in range(number)]
    environment = {**os.environ, "DATABASE_URL": database_url(), **more}
    started = []
    try:
        for log in logs:
            with log.open("ab") as sink:
                started.append(subprocess.Popen(BEAT, cwd=ROOT, env=environment, stdout=sink, stderr=sink))
        yield logs
    finally:
        for beat in started:
            beat.kill()
            beat.wait()


def sent(logs: list[Path]) -> list[int]:
    """How often each beat has sent the reconciler."""
    return [log.read_text().count("Sending due task reconcile") for log in logs]


@pytest.fixture
def queue() -> Iterator[Any]:
    """The broker, with an empty queue for the reconciler."""
    with redis.Redis.from_url(broker.client_url(HOME)) as client:
        client.delete("api")
        yield client


def test_two_beats_double_nothing(stage: Stage, size: Any, report: Any) -> None:
    calls, kills, at_once = size((160, 1, 4), (1000, 5, 4))
    resumed = 0.0
    with stage.serving(seconds=0.1), beating(stage.folder, 2) as logs, ExitStack() as workers:
        _until(lambda: min(sent(logs)) > 0)
        stage.collect(calls, at_once)
        worker = workers.enter_context(stage.worker())
        for kill in range(1, kills + 1):
            worker.until(lambda: len(stage.arrived) >= kill * calls // (kills + 2))  # noqa: B023
            worker.kill()
            killed = time.monotonic()
            worker = workers.enter_context(stage.worker())
            # Nobody but the beats sends the dead worker's slice again.
            worker.until(lambda: stage.arrived[-1][0] > killed + 0.1, 60)  # noqa: B023
            resumed = max(resumed, stage.arrived[-1][0] - killed)
        worker.until(lambda: _state(stage) == "done", 60)
        slots = sent(logs)
    found = stage.found(resumed)
    bars = {"resumed late": resumed <= 60, "more repeated than under way": found.extra <= kills * at_once}
    load = f"{calls:,} calls, {kills} kills, {' + '.join(map(str, slots))} reconciles"
    report("two beats at once", load, found, stage.bars() | bars)


def _state(stage: Stage) -> str:
    stage.collection.refresh_from_db()
    return stage.collection.state


def test_one_late_run_after_an_outage_of_six_hours(stage: Stage, queue: Any, report: Any) -> None:
    with beating(stage.folder) as logs:
        _until(lambda: sent(logs) == [1])
    PeriodicTask.objects.filter(name="reconcile").update(last_run_at=timezone.now() - timedelta(hours=6))
    queue.delete("api")
    with beating(stage.folder) as logs:
        _until(lambda: sent(logs) == [2])
        began = time.monotonic()
        _until(lambda: time.monotonic() - began > RECONCILE_SECONDS / 2)
        waiting = queue.llen("api")
        _until(lambda: sent(logs) == [3])
        gap = time.monotonic() - began
    bars = {
        f"{waiting} late runs": waiting == 1,
        f"the next one came after {gap:.1f} s": RECONCILE_SECONDS - 1.5 < gap < RECONCILE_SECONDS + 6,
    }
    report("outage of 6 h", "1 beat, reconcile each 10 s", Found(0, 0, 0), bars)


def _until(condition: Any, seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "still not so"
        time.sleep(0.05)


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
def test_one_run_for_each_slot_through_a_clock_change(change: str, report: Any) -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime.fromisoformat(f"{change}T00:30:00+00:00")
    every = schedule(timedelta(seconds=RECONCILE_SECONDS), nowfun=lambda: now)
    last, runs, end = now, [], now + timedelta(hours=1)
    while now < end:
        now += timedelta(seconds=1)
        # As the database gives it back, and as a server with a local clock would show it.
        due, _ = every.is_due(last.astimezone(UTC))
        if due:
            runs.append(now)
            last = now
    gaps = {(b - a).total_seconds() for a, b in itertools.pairwise(runs)}
    shift = (end.astimezone(berlin).utcoffset(), runs[0].astimezone(berlin).utcoffset())
    bars = {"the clock did not change": shift[0] != shift[1], f"gaps of {gaps} s": gaps == {RECONCILE_SECONDS}}
    report(f"clock change of {change}", f"1 h, {len(runs)} slots", Found(0, 0, 0), bars)
