"""Measuring and printing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """A result and the seconds that it took by the wall clock."""

    result: T
    seconds: float


def timed(work: Callable[[], T]) -> Timed[T]:
    """The work's result and its time."""
    began = time.perf_counter()
    return Timed(work(), time.perf_counter() - began)


def lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A plain table, first column to the left and numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    return [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in [header, ["-" * w for w in widths], *rows]
    ]
