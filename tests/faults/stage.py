"""Where a fault is played: a server that notes every send, a collection, and real workers on a real broker."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count

from forensics.records import Outcome
from tasks.reconciling import reconcile
from tests.faults.table import Found
from tests.helpers.answering import Decide, answering, words_of
from tests.helpers.making import endpoint_model, stored_suite
from tests.helpers.serving import Served, serving
from tests.helpers.workers import ROOT, Worker, database_url
from webapp.probing import queries, services, verifying
from webapp.probing.models import Attempt, Collection, Endpoint


class Stage:
    """One server, one collection from it, and workers, all of them real and all on this machine."""

    served: Served
    collection: Collection

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._environment = folder, monkeypatch
        self.arrived: list[tuple[float, str]] = []
        self._workers = 0

    @contextlib.contextmanager
    def serving(self, decide: Decide = lambda *_: None, seconds: float = 0.05, handler: Any = None) -> Iterator[Served]:
        """The server, which answers as `decide` says; `handler` where that is not enough."""
        inner = handler or answering(decide, seconds)

        async def note(request: Any) -> Any:
            self.arrived.append((time.monotonic(), words_of(await request.read())))
            return await inner(request)

        with serving(note) as self.served:
            self.set("FILIATION_PRIVATE_HOSTS", self.served.host)
            yield self.served

    def set(self, name: str, value: object) -> None:
        """A variable of the environment that workers begin with."""
        self._environment.setenv(name, str(value))

    def collect(self, calls: int, at_once: int, *, suite: Any = None, url: str = "", **more: Any) -> Collection:
        """The collection, started, on a model of this `name`, at this `per_minute`."""
        where, name = url or self.served.url, more.pop("name", "remote")
        Endpoint.objects.update_or_create(origin=where.removesuffix("/v1"), defaults={"concurrency": at_once, **more})
        self.collection = services.start_collection(endpoint_model(where, name), suite or stored_suite(calls))
        return self.collection

    def worker(self, *options: str, queues: str = "api") -> Worker:
        """A worker with a log of its own."""
        self._workers += 1
        return Worker(self.folder / f"worker-{self._workers}.log", *options, queues=queues)

    def command(self) -> subprocess.Popen[bytes]:
        """``manage.py collect --wait`` for the collection, in a process of its own: joins it, or goes on with it."""
        command = [sys.executable, "manage.py", "collect", "--model", "remote", "--suite", "small", "--wait", "--json"]
        environment = {**os.environ, "DATABASE_URL": database_url()}
        with (self.folder / "command.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def ended(self) -> bool:
        """Whether the collection runs no longer. Plays the beat: the reconciler looks for what went silent."""
        reconcile()
        self.collection.refresh_from_db()
        return self.collection.state != "running"

    def sent(self, number: int) -> bool:
        """Whether the server has seen so many sends. Plays the beat, too."""
        reconcile()
        return len(self.arrived) >= number

    def resumed_after(self, moment: float, worker: Worker, seconds: float = 30.0) -> float:
        """Seconds from a moment to the next send that the server saw after it, which is waited for."""
        # What left before the moment may arrive just after it.
        settled = moment + 0.1
        worker.until(lambda: (reconcile(), self.arrived[-1][0] > settled)[1], seconds)
        return next(at for at, _ in self.arrived if at > settled) - moment

    def found(self, resumed: float | None = None) -> Found:
        """What became of the collection's calls, from its ledger and from what the server saw."""
        self.collection.refresh_from_db()
        answered = queries.attempts(self.collection).filter(kind=Attempt.Kind.ANSWERED).count()
        return Found(self._lost(), self._twice(), len(self.arrived) - answered, resumed)

    def _lost(self) -> int:
        """Planned questions without an outcome, or with the words of another question."""
        good, answers = set(), self._answers()
        for probe, outcome, text in self.collection.completions.values_list("probe", "outcome", "text"):
            if not Outcome(outcome).has_text or answers.get(probe, text) == text:
                good.add(probe)
        return self.collection.suite.probes.exclude(pk__in=good).count()

    def _twice(self) -> int:
        """Calls with two completions, or charged for a send that is not on record."""
        doubled = self.collection.completions.values("probe", "sample").annotate(n=Count("pk")).filter(n__gt=1).count()
        on_record = queries.attempts(self.collection).exclude(kind=Attempt.Kind.LATE).count()
        return doubled + abs(self.collection.spent_calls - on_record)

    def _answers(self) -> dict[int, str]:
        """What the server says to each question of a suite of our own, by probe."""
        probes = self.collection.suite.probes.filter(prompt_id__startswith="p")
        return {probe.pk: f"{probe.prompt.text} indeed" for probe in probes}

    def repeated(self) -> Counter[str]:
        """Questions to how often each was sent."""
        return Counter(question for _, question in self.arrived)

    def unrecorded(self) -> set[str]:
        """Questions that were sent more often than attempts are on record of them."""
        kept = queries.attempts(self.collection).exclude(kind=Attempt.Kind.LATE).select_related("call__probe")
        return set(self.repeated() - Counter(attempt.call.probe.prompt.text for attempt in kept))

    def bars(self) -> dict[str, bool]:
        """What holds after every fault: the collection is done, adds up, and its evidence is what was stored."""
        return {
            "not done": self.collection.state == "done",
            "planned is not outcomes and unsent": queries.counted(self.collection).is_whole,
            "evidence differs": list(verifying.problems()) == [],
            "a send is not on record": not self.unrecorded(),
        }
