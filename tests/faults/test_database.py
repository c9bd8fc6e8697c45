"""A database that is locked, restarts, or has no room: nothing is lost, and what stops is said."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.db import connection

from tests.faults.conftest import ROWS, keep_row
from tests.faults.stage import Stage
from tests.faults.table import Found, read
from tests.helpers.answering import completion
from tests.helpers.making import endpoint_model, stored_suite
from tests.helpers.postgres import cluster, restart
from tests.helpers.workers import ROOT, database_url
from webapp.probing import queries, services, verifying

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite alone")
INNER = pytest.mark.skipif("FILIATION_FAULTS_INNER" not in os.environ, reason="run by the test beside it")


@on_sqlite
def test_sqlite_is_locked(stage: Stage, size: Any, report: Any) -> None:
    writers, calls, hold = size((8, 40, 3.0), (8, 500, 10.0))
    collection = services.start_collection(endpoint_model("http://127.0.0.1:9/v1"), stored_suite(writers * calls))
    command = [sys.executable, "-m", "tests.faults.writer", str(collection.pk), str(calls)]
    environment = {**os.environ, "DATABASE_URL": database_url(), "FILIATION_LEASE_SECONDS": "60"}
    log = (stage.folder / "writers.log").open("wb")
    started = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log) for _ in range(writers)]
    _wait(lambda: queries.counted(collection).done > writers * calls // 10)
    with contextlib.closing(
        sqlite3.connect(connection.settings_dict["NAME"], timeout=20, isolation_level=None)
    ) as link:
        link.execute("BEGIN EXCLUSIVE")
        held = queries.counted(collection).done
        time.sleep(hold)
        still = queries.counted(collection).done
        link.execute("ROLLBACK")
    freed = time.monotonic()
    _wait(lambda: queries.counted(collection).done > held)
    resumed = time.monotonic() - freed
    codes = [writer.wait(240) for writer in started]
    log.close()
    tally = queries.counted(collection)
    doubled = queries.attempts(collection).count() - tally.done
    bars = {"a writer failed": codes == [0] * writers, "the lock did not hold": held == still}
    found = Found(writers * calls - tally.done, doubled, 0, resumed)
    report(f"SQLite lock, {hold:.0f} s exclusive hold", f"{writers} writers x {calls} calls", found, bars)


def _wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"still not so after {seconds} s"
        time.sleep(0.02)


@pytest.mark.postgres
def test_on_postgresql(request: pytest.FixtureRequest, tmp_path: Path, size: Any) -> None:
    also = size([], ["tests/faults/test_workers.py::test_kill_9_of_a_worker"])
    with cluster() as url:
        _inside(request, tmp_path, ["test_postgresql_restarts", *also], DATABASE_URL=url)


def _inside(request: pytest.FixtureRequest, folder: Path, tests: list[str], *before: str, **more: str) -> None:
    """Run tests in a pytest of their own, begun as from a shell, and take over their rows."""
    rows = folder / "rows"
    rows.touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "DJANGO_"))}
    environment |= {"FILIATION_TEST_DATABASE": "as-given", "FILIATION_FAULTS_INNER": "1", ROWS: str(rows)} | more
    names = [name if "/" in name else f"tests/faults/test_database.py::{name}" for name in tests]
    command = [*before, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    command += ["--basetemp", str(folder / "inner"), *names]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=3000)
    for line in rows.read_text().splitlines():
        keep_row(request.node, line)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    assert "skipped" not in ended.stdout
    assert len([read(line) for line in rows.read_text().splitlines()]) == len(tests)


@on_sqlite
def test_on_a_small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A real file system of 24 MB in a mount namespace of its own: the home is there, with database and broker."""
    # A short path: the broker's socket is there too, and its name has about a hundred characters.
    disk = Path(tempfile.mkdtemp(prefix="disk-"))
    mount = f'mount -t tmpfs -o size=24m none "{disk}" && exec "$@"'
    into = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*into, "true"], capture_output=True).returncode:
        disk.rmdir()
        message = "no small file system can be mounted here (unshare --map-root-user --mount)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    try:
        _inside(request, tmp_path, ["test_the_disk_is_full"], *into, TMPDIR=str(disk), DISK=str(disk))
    finally:
        disk.rmdir()


@INNER
def test_the_disk_is_full(stage: Stage, report: Any) -> None:
    calls, at_once, ballast = 900, 8, Path(os.environ["DISK"]) / "ballast"
    noise = random.Random(7)

    def decide(question: str, _: int) -> web.Response:
        return completion(f"{question} indeed", noise=noise.randbytes(6000).hex())

    with stage.serving(decide, 0.02):
        collection = stage.collect(calls, at_once)
        with stage.worker() as worker:
            worker.until(lambda: stage.sent(100))
            _fill(ballast)
            worker.until(lambda: (collection.refresh_from_db(), collection.state != "running")[1], 60)
            full_state, reason = collection.state, collection.error
            at_rest = len(stage.arrived)
            with connection.cursor() as cursor:
                sound = cursor.execute("PRAGMA integrity_check").fetchone()[0]
            stored = queries.counted(collection).done
            evidence_is_sound = list(verifying.problems()) == []
            ballast.unlink()
            resumed = time.monotonic()
            assert services.resume(collection)
            resumed = stage.resumed_after(resumed, worker)
            worker.until(stage.ended, 60)
    found = stage.found(resumed)
    bars = {
        "not paused": full_state == "paused",
        "the reason is not clear": "no room left on the disk" in reason,
        "a row is damaged": sound == "ok" and evidence_is_sound,
        "it filled too late to tell": 0 < stored <= at_rest < calls,
        "more repeated than under way": found.extra <= at_once,
    }
    report(
        "disk full while writing",
        f"full at {at_rest} of {calls} calls, {stored} of them in the ledger, 24 MB",
        found,
        stage.bars() | bars,
    )


def _fill(ballast: Path) -> None:
    """Take all the room there is, to the last byte."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        for piece in (1 << 16, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * piece)


@INNER
def test_postgresql_restarts(stage: Stage, size: Any, report: Any) -> None:
    restarts, at_once, resumed = size(2, 5), 8, 0.0
    with stage.serving():
        stage.collect(restarts * 300, at_once)
        with stage.worker() as worker:
            for number in range(restarts):
                worker.until(lambda: stage.sent(number * 200 + 100))  # noqa: B023
                connection.close()
                restart(os.environ["DATABASE_URL"], "immediate" if number % 2 else "fast")
                before, back = queries.counted(stage.collection).done, time.monotonic()
                worker.until(lambda: (stage.ended(), queries.counted(stage.collection).done > before)[1])  # noqa: B023
                resumed = max(resumed, time.monotonic() - back)
            worker.until(stage.ended, 60)
    found = stage.found(resumed)
    bars = {"resumed late": resumed <= 60, "more repeated than under way": found.extra <= restarts * at_once}
    report(
        "PostgreSQL restart in mid-run", f"{restarts} restarts in {restarts * 300:,} calls", found, stage.bars() | bars
    )
