"""What processes use: processor time and memory of one and of everything that it started, read from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [one for word in child.read_text().split() for one in family(int(word))]
        except OSError:
            continue
    return found


def cpu_seconds(pid: int) -> float:
    """Processor seconds of a family so far, those of its children that have ended included."""
    return sum(_ticks(one) for one in family(pid)) / TICKS


def _ticks(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(word) for word in words[11:15])


def resident(pid: int) -> float:
    """Memory of a family, in MB."""
    return sum(_resident(one) for one in family(pid))


def _resident(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


class Watched:
    """What a family uses within a block: `cpu` in seconds, `memory` in MB at its peak beyond the beginning."""

    def __init__(self, pid: int) -> None:
        self._pid, self._over = pid, threading.Event()
        self.cpu = self.memory = 0.0

    def __enter__(self) -> Watched:
        self._cpu, self._memory = cpu_seconds(self._pid), resident(self._pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self._look()

    def _look(self) -> None:
        self.cpu = max(self.cpu, cpu_seconds(self._pid) - self._cpu)
        self.memory = max(self.memory, resident(self._pid) - self._memory)
