"""Real Celery workers in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    """The URL by which another process reaches this test's database."""
    found = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{found['NAME']}"
    address, _, query = os.environ["DATABASE_URL"].partition("?")
    return f"{address.rpartition('/')[0]}/{found['NAME']}?{query}"


class Worker:
    """A worker on the given queues; a context manager. `kill` is kill -9, of its children too."""

    def __init__(self, log: Path, *options: str, queues: str = "gpu,api,cpu") -> None:
        self._log = log
        self._command = [sys.executable, "-m", "celery", "-A", "tasks.app", "worker", "-Q", queues, "-l", "INFO"]
        self._command += ["--without-gossip", "--without-mingle", *(options or ("--pool=solo",))]
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        environment = {**os.environ, "DATABASE_URL": database_url(), "OMP_NUM_THREADS": "1"}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text(errors="replace")

    def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Return once the condition holds; fail with the log when the worker ends or the time is up."""
        until = time.monotonic() + seconds
        while not condition():
            assert self.process is not None
            assert self.process.poll() is None, f"the worker ended: {self.log}"
            assert time.monotonic() < until, f"still not so after {seconds} s: {self.log}"
            time.sleep(0.05)
