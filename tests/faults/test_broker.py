"""Everything on one machine under its supervisor: web, beat and broker are killed, and the broker is emptied."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.faults.conftest import keep_row
from tests.faults.stage import Stage
from tests.faults.table import Found, Row, judged
from tests.helpers.workers import ROOT, database_url
from tests.webapp.processes import marked, new_mark, until
from webapp import broker, dispatch
from webapp.probing.models import Attempt, Collection

pytestmark = [pytest.mark.django_db(transaction=True)]
RECONCILED = re.compile(r"reconciling\.reconcile\[[-0-9a-f]+\] succeeded")
WORDS = {"web": "granian", "beat": "beat", "broker": "--unixsocket"}


class Group:
    """A supervised group, its processes and its broker."""

    def __init__(self, home: Path, port: int, mark: dict[str, str]) -> None:
        self.home, self.port, self._mark = home, port, mark

    def kill(self, name: str) -> None:
        """Kill -9 of one service, with its children."""
        for pid in self._processes(WORDS[name]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self, word: str) -> list[int]:
        found = []
        for pid in marked(self._mark):
            with contextlib.suppress(OSError):
                if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    def reconciled(self) -> int:
        """How often a worker has done what the beat sent: both, and the broker between them, were at work."""
        log = (self.home / "log" / "worker-api.log").read_text(errors="replace")
        return len(RECONCILED.findall(log))

    def sent(self) -> int:
        """How often the beat has sent its task."""
        return (self.home / "log" / "beat.log").read_text(errors="replace").count("Sending due task")

    def serves(self) -> bool:
        """Whether the pages answer."""
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).close()
            return True
        return False

    def flush(self) -> None:
        """Empty the broker once it answers."""
        url = broker.client_url(self.home)
        until(lambda: broker.answers(url), 60)
        with redis.Redis.from_url(url) as client:
            client.flushall()


@contextmanager
def up(folder: Path) -> Iterator[Group]:
    """`manage.py up` on this test's database, with a home and a broker of its own."""
    home, mark = folder / "home", new_mark()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, **mark, "FILIATION_HOME": str(home), "DATABASE_URL": database_url()}
    command = [sys.executable, "manage.py", "up", "--port", str(port)]
    group = Group(home, port, mark)
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            until(lambda: (group.serves(), process.poll() is not None)[0], 90)
            yield group
        finally:
            process.terminate()
            process.wait(20)
            until(lambda: not marked(mark), 20)


def test_kill_9_of_web_beat_and_broker(request: pytest.FixtureRequest, stage: Stage, size: Any, settings: Any) -> None:
    rounds, calls = size((1, 80), (10, 80))
    resumed: dict[str, float] = {}
    with stage.serving(seconds=0.1), up(stage.folder) as group:
        settings.BROKER_URL = broker.broker_url(group.home)
        dispatch._publisher.cache_clear()
        for number in range(rounds):
            for fault in ("web", "beat", "broker", "broker, then flushed"):
                seconds = _struck(stage, group, fault, calls, f"{fault} {number}")
                resumed[fault] = max(resumed.get(fault, 0.0), seconds)
    dispatch._publisher.cache_clear()
    # The rows are told together: one that misses its bar does not hide the others.
    rows = [_row(fault, place, calls, seconds, stage) for place, (fault, seconds) in enumerate(resumed.items())]
    for row in rows:
        keep_row(request.node, row.as_json())
    assert [row for row in rows if row.missed] == []


def _row(fault: str, place: int, calls: int, seconds: float, stage: Stage) -> Row:
    mine = list(Collection.objects.order_by("created_at"))[place::4]
    cost = []
    for stage.collection in mine:
        cost.append((stage.found(), stage.bars()))
    # All share one server: what it saw beyond what is on record is told once, in each row.
    answered = Attempt.objects.filter(kind="answered").count()
    lost, twice = (sum(getattr(found, name) for found, _ in cost) for name in ("lost", "twice"))
    held = {name: all(bars[name] for _, bars in cost) for name in cost[0][1] if name != "a send is not on record"}
    extra = len(stage.arrived) - answered
    bars = held | {"resumed late": seconds <= 90, "more repeated than under way": extra <= 2 * 4 * len(mine)}
    load = f"{len(mine)} in mid-run of {calls} calls each"
    return judged(f"kill -9 {fault}", load, Found(lost, twice, extra, seconds), bars)


def _struck(stage: Stage, group: Group, fault: str, calls: int, name: str) -> float:
    """Seconds from a kill in the middle of a collection until what was killed does its work again."""
    before = len(stage.arrived)
    collection = stage.collect(calls, 2, name=name)
    until(lambda: len(stage.arrived) >= before + calls // 4, 90)
    began = time.monotonic()
    group.kill(fault.partition(",")[0])
    if fault.endswith("flushed"):
        group.flush()
    if fault == "web":
        until(lambda: not group.serves(), 5)
        until(group.serves, 90)
    else:
        sent, done = group.sent(), group.reconciled()
        until(lambda: group.sent() > sent, 90)
        until(lambda: group.reconciled() > done, 90)
    seconds = time.monotonic() - began
    until(lambda: _state(collection) == "done", 120)
    return seconds


def _state(collection: Collection) -> str:
    return Collection.objects.values_list("state", flat=True).get(pk=collection.pk)
