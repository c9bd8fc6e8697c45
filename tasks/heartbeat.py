"""Keeps a lease alive from a thread while the work that it covers blocks."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from django.db import DatabaseError, connection

log = logging.getLogger(__name__)

LONGEST_SILENCE = 900.0


class Heartbeat:
    """Calls `beat` every `every` seconds until the block ends, or `beat` says False: then `lost` is true.

    `touch` says that the work moves on. Without it for 15 minutes the heartbeat ends, so that work which hangs
    gives its lease back.
    """

    def __init__(self, beat: Callable[[], bool], every: float, longest_silence: float = LONGEST_SILENCE) -> None:
        self._beat, self._every, self._longest = beat, every, longest_silence
        self._stop, self._lost = threading.Event(), threading.Event()
        self._moved = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    @property
    def lost(self) -> bool:
        """Whether somebody else holds the lease now."""
        return self._lost.is_set()

    def touch(self) -> None:
        """Say that the work moves on."""
        self._moved = time.monotonic()

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every) and time.monotonic() - self._moved < self._longest:
                if not self._safe_beat():
                    self._lost.set()
                    return
        finally:
            connection.close()

    def _safe_beat(self) -> bool:
        # A database that is away for a moment does not mean that the lease is lost; the fence decides at the write.
        try:
            return self._beat()
        except DatabaseError as problem:
            log.warning("a heartbeat could not be written: %s", problem)
            connection.close()
            return True
