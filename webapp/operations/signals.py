"""Ctrl-C, `kill` and a closed terminal, made one thing."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from webapp.operations.group import STOP_SIGNALS


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """Any signal that asks to stop raises KeyboardInterrupt inside the with-block."""
    before = [(number, signal.signal(number, _interrupt)) for number in STOP_SIGNALS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
