"""Collecting 2,000 calls at concurrency 64 from a server on loopback: a real worker beside its peers, in one run.

FILIATION_BENCH_DATABASE_URL takes another database than a fresh SQLite; FILIATION_BENCH_MS other latencies.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import _collect_peers as peers
from benchmarks._processes import Watched
from benchmarks._table import lines

TITLE = (
    "2,000 calls at concurrency 64, full evidence: >= .95 of the ideal rate at 200 ms, >= .88 at 50 ms;\n"
    "<= 1 CPU s and <= 60 MB beyond the idle worker per 1,000 calls"
)
CALLS, AT_ONCE = int(os.environ.get("FILIATION_BENCH_SENDS", "2000")), 64
LATENCIES = tuple(float(ms) for ms in os.environ.get("FILIATION_BENCH_MS", "200,50").split(","))
ROOT = Path(__file__).resolve().parents[1]
WORKER = ("celery", "-A", "tasks.app", "worker", "-Q", "api", "--loglevel", "INFO", "--without-gossip",
          "--without-mingle", "--without-heartbeat", "--concurrency", "1")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One sender's run: seconds from the first call to the last answer by the server's clock, and what it used."""

    calls: int
    seconds: float
    most: int
    cpu: float
    memory: float

    def cells(self, milliseconds: float) -> list[str]:
        """The row in the table."""
        ideal, thousand = AT_ONCE * 1000 / milliseconds, self.calls / 1000
        return [
            f"{self.calls:,}",
            f"{self.calls / self.seconds:,.0f}",
            f"{self.calls / self.seconds / ideal:.3f}",
            str(self.most),
            f"{self.cpu / thousand:.2f}",
            f"{self.memory / thousand:.0f}",
        ]


HEADER = ("", "calls", "calls/s", "of the ideal", "at once", "CPU s per 1,000", "MB per 1,000")


def run() -> Iterator[str]:
    """The table's lines, one table for each latency."""
    _set_up()
    for milliseconds in LATENCIES:
        with _serving(milliseconds) as port:
            rows = [[name, *cells] for name, cells in _contenders(port, milliseconds)]
        ideal, load = AT_ONCE * 1000 / milliseconds, os.getloadavg()[0]
        yield f"{milliseconds:.0f} ms, ideal {ideal:,.0f} calls/s, load {load:.1f}"
        yield from (*lines(HEADER, rows), "")


def _contenders(port: int, milliseconds: float) -> Iterator[tuple[str, list[str]]]:
    yield "filiation: worker, evidence, ledger", _ours(port).cells(milliseconds)
    for name, command in peers.commands(port, CALLS, AT_ONCE):
        measured = _watched(command, port) if command else None
        if measured is None or not measured.calls:
            yield name, ["sent nothing" if measured else "not installed", *[""] * 5]
        else:
            yield name, measured.cells(milliseconds)


def _set_up() -> None:
    """A home of its own for Django, with its tables."""
    home = tempfile.mkdtemp(prefix="filiation-bench-")
    os.environ.update(FILIATION_HOME=home, DJANGO_SETTINGS_MODULE="webapp.settings")
    os.environ.pop("DATABASE_URL", None)
    if other := os.environ.get("FILIATION_BENCH_DATABASE_URL"):
        os.environ["DATABASE_URL"] = other
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


@contextlib.contextmanager
def _serving(milliseconds: float) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks._latent_server", str(milliseconds)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield int(server.stdout.readline())
        server.stdin.close()


def _tally(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/tally", timeout=10) as answer:
        return dict(json.load(answer))


def _watched(command: peers.Command, port: int) -> Run:
    """A peer's run, its start and its end included in what it uses and not in its seconds."""
    _tally(port)
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command.words, cwd=command.folder, env={**os.environ, **command.environment}, stdout=log, stderr=log
        ) as process,
        Watched(process.pid) as used,
    ):
        process.wait(600)
    return _read(port, used)


def _read(port: int, used: Watched) -> Run:
    told = _tally(port)
    return Run(told["calls"], told["seconds"] or 1e-9, told["most"], used.cpu, used.memory)


def _ours(port: int) -> Run:
    from django.conf import settings

    from webapp import broker

    os.environ["FILIATION_PRIVATE_HOSTS"] = f"127.0.0.1:{port}"
    with broker.running(settings.FILIATION_HOME), _worker() as worker:
        # The first collection warms the worker up: what it imports then is no cost of the calls.
        for calls in (64, CALLS):
            suite_and_model = _stored(port, calls)
            _tally(port)
            with Watched(worker.pid) as used:
                _collected(*suite_and_model)
    return _read(port, used)


@contextlib.contextmanager
def _worker() -> Iterator[subprocess.Popen[bytes]]:
    log = Path(os.environ["FILIATION_HOME"]) / "worker.log"
    with log.open("ab") as out:
        worker = subprocess.Popen([sys.executable, "-m", *WORKER], cwd=ROOT, stdout=out, stderr=out)
        try:
            yield worker
        finally:
            worker.terminate()
            worker.wait(60)


def _stored(port: int, calls: int) -> tuple[Any, Any]:
    from django.utils import timezone

    from forensics.probes import Probe, Suite
    from forensics.records import GenerationConfig, Prompt
    from webapp.catalogue.models import Authorisation, Model
    from webapp.probing import services
    from webapp.probing.models import Endpoint

    name = f"at {port}, {calls} calls"
    probes = tuple(Probe(Prompt.chat(f"p{i:05}", peers.question(i)), GenerationConfig()) for i in range(calls))
    suite = services.register_suite(Suite(name, "1", "For measuring", probes))
    url = f"http://127.0.0.1:{port}"
    Endpoint.objects.update_or_create(origin=url, defaults={"concurrency": AT_ONCE})
    model = Model.objects.create(name=name, adapter="openai-compatible", location=f"{url}/v1", remote_name="served")
    Authorisation.objects.create(model=model, granted_by="us", basis="our own server", starts_at=timezone.now())
    return model, suite


def _collected(model: Any, suite: Any) -> None:
    """Return once every call is answered and stored."""
    from webapp.probing import services

    collection = services.start_collection(model, suite)
    until = time.monotonic() + 300
    while collection.state == "running":
        assert time.monotonic() < until, "the collection did not end"
        time.sleep(0.1)
        collection.refresh_from_db()
    assert collection.counts == {"completed": collection.planned}, collection.counts


async def bare(port: int, calls: int, at_once: int) -> None:
    """As many calls by aiohttp and nothing else."""
    import aiohttp

    url, waiting = f"http://127.0.0.1:{port}/v1/chat/completions", iter(range(calls))

    async def sender(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            body = {"model": "served", "messages": [{"role": "user", "content": peers.question(number)}]}
            async with session.post(url, json={**body, "max_tokens": 64}) as answer:
                await answer.json()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as session:
        await asyncio.gather(*(sender(session) for _ in range(at_once)))


if __name__ == "__main__":
    asyncio.run(bare(*map(int, sys.argv[1:4])))
