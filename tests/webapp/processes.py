"""Finding processes that a test started, however deep below, by a mark in their environment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

MARK = "FILIATION_TEST_MARK"


def new_mark() -> dict[str, str]:
    """An environment entry that every descendant inherits."""
    return {MARK: str(time.monotonic_ns())}


def marked(mark: dict[str, str]) -> set[int]:
    """Living processes with that mark; zombies have no environment left and do not count."""
    wanted = f"{MARK}={mark[MARK]}".encode()
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.add(int(entry.name))
        except OSError:
            continue
    return found - {os.getpid()}


def until(condition: Callable[[], object], seconds: float = 5.0) -> float:
    """Seconds that it took for the condition to hold; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"still not so after {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began
