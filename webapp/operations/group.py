"""A group of processes that start together, are started again when one crashes, and end together."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from webapp.operations import guardian

LONGEST_WAIT = 30.0
SETTLED_SECONDS = 60.0
"""A process that ran this long starts again at once; one that crashes sooner waits twice as long each time."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOG_LIMIT = 16 << 20


class GroupError(Exception):
    """The group cannot run; the message says why and what to do."""


@dataclass(frozen=True)
class Service:
    """One process of the group. `ready` tells whether it serves; `last` keeps it until the others have ended."""

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool] | None = None
    last: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = 0.0


class Group:
    """The processes of one FILIATION_HOME. A context manager; call `tend` a few times a second while it is open."""

    def __init__(self, home: Path, services: Sequence[Service], say: Callable[[str], None]) -> None:
        self.home = home.resolve()
        self._children = [_Child(service) for service in services]
        self._say = say
        self._lock: IO[str] | None = None
        self._guardian: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        (self.home / "log").mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.home)
        self._start_guardian()
        try:
            for child in self._children:
                self._start(child)
                self._wait_ready(child)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def tend(self) -> None:
        """Start again, after a growing wait, what has ended of itself."""
        if self._guardian is not None and self._guardian.poll() is not None:
            self._start_guardian()
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.started + child.wait:
                    self._start(child)
            elif child.process.poll() is not None:
                self._bury(child, child.process)

    def stop(self) -> None:
        """End everything, within five seconds. Further signals are ignored meanwhile; a second call does nothing."""
        if self._guardian is None or self._guardian.stdin is None:
            return
        before = [(number, signal.signal(number, signal.SIG_IGN)) for number in STOP_SIGNALS]
        self._guardian.stdin.close()
        while self._guardian.poll() is None:
            self._reap()
            time.sleep(0.03)
        self._end_what_the_guardian_left()
        self._guardian = None
        if self._lock is not None:
            self._lock.close()
        for number, handler in before:
            signal.signal(number, handler)

    def log_of(self, name: str) -> Path:
        """The file that a service writes to."""
        return self.home / "log" / f"{name}.log"

    def _reap(self) -> None:
        """Collect what has ended: a group whose member is not waited for still looks alive to the guardian."""
        for child in self._children:
            if child.process is not None:
                child.process.poll()

    def _end_what_the_guardian_left(self) -> None:
        """Nothing, unless the guardian itself was killed just before."""
        processes = [child.process for child in self._children if child.process is not None]
        if self._guardian is not None and self._guardian.returncode != 0:
            guardian.end([process.pid for process in processes], guardian.GRACE_SECONDS)
        for process in processes:
            process.wait()

    def _start_guardian(self) -> None:
        """The guardian holds the lock as well: it is free only when every process has gone."""
        assert self._lock is not None
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
        command = [sys.executable, "-I", guardian.__file__]
        self._guardian = subprocess.Popen(
            command, stdin=subprocess.PIPE, text=True, start_new_session=True, pass_fds=[self._lock.fileno()]
        )
        for child in self._children:
            if child.process is not None:
                self._tell(f"+{child.process.pid}", child.service)

    def _tell(self, change: str, service: Service) -> None:
        assert self._guardian is not None and self._guardian.stdin is not None
        line = f"{change} last\n" if service.last else f"{change}\n"
        with contextlib.suppress(BrokenPipeError):  # a new guardian is told of everything
            os.write(self._guardian.stdin.fileno(), line.encode())

    def _start(self, child: _Child) -> None:
        """Start it. The new process itself reports to the guardian before it becomes the command, so that no moment
        is left in which the supervisor could be killed and the process forgotten."""
        log = self.log_of(child.service.name)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as sink:
            child.process = subprocess.Popen(
                child.service.command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **child.service.environment},
                start_new_session=True,
                preexec_fn=lambda: self._tell(f"+{os.getpid()}", child.service),
            )
        child.started = time.monotonic()

    def _bury(self, child: _Child, process: subprocess.Popen[bytes]) -> None:
        """Kill what a crashed process left of its group, and set the time of the next start."""
        guardian.send([process.pid], signal.SIGKILL)
        self._tell(f"-{process.pid}", child.service)
        child.process = None
        settled = time.monotonic() - child.started > SETTLED_SECONDS
        child.wait = 1.0 if settled or not child.wait else min(child.wait * 2, LONGEST_WAIT)
        child.started = time.monotonic()
        log = self.log_of(child.service.name)
        self._say(
            f"{child.service.name} {_ended(process.returncode)}; it starts again in {child.wait:.0f} s. Log: {log}"
        )

    def _wait_ready(self, child: _Child, seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while child.service.ready is not None and not child.service.ready():
            assert child.process is not None
            log = self.log_of(child.service.name)
            if (code := child.process.poll()) is not None:
                raise GroupError(
                    f"{child.service.name} {_ended(code)} before it was ready. Its last words:\n{_tail(log)}"
                )
            if time.monotonic() > until:
                raise GroupError(f"{child.service.name} was not ready within {seconds:.0f} s. See {log}")
            time.sleep(0.05)


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _locked(home: Path) -> IO[str]:
    """An open file that holds the lock of this home; raises GroupError naming the process that has it."""
    lock = (home / "up.lock").open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        message = f"Filiation already runs (or is still stopping) on {home}, as process {owner}. Stop it first, or set "
        raise GroupError(message + "FILIATION_HOME to another folder.") from problem
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
