"""What a long command says while it works."""

from __future__ import annotations

import time
from typing import Protocol

LINE_EVERY = 5.0


class Stream(Protocol):
    """Where it is said: a terminal, a pipe, or Django's wrapper of either."""

    def write(self, msg: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Let it be seen now."""

    def isatty(self) -> bool:
        """Whether a person watches, so that a line may be written over."""


class Progress:
    """Steps with the time they took. On a terminal the running step is one line that changes; elsewhere a line is
    written every few seconds, so that a log shows that work goes on."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._began = time.monotonic()
        self._said = 0.0
        self._open = False

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        """A line of its own."""
        self._close()
        self._write(f"{self.seconds:6.1f} s  {text}\n")

    def moving(self, text: str) -> None:
        """How far the present step is."""
        if self._stream.isatty():
            self._write(f"\r\033[K{self.seconds:6.1f} s  {text}")
            self._open = True
        elif time.monotonic() - self._said > LINE_EVERY:
            self.step(text)

    def plain(self, text: str = "") -> None:
        """A line without the time."""
        self._close()
        self._write(f"{text}\n")

    def _close(self) -> None:
        if self._open:
            self._write("\n")
            self._open = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
        self._said = time.monotonic()
