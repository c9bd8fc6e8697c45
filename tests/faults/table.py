"""One row of the reliability table for each fault: what it cost, and whether that is within the bar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

HEAD = ("fault", "load", "lost", "counted twice", "extra sends", "time to resume", "pass")


@dataclass(frozen=True, slots=True)
class Found:
    """What a fault cost. `extra`: sends beyond those whose reply is on record. `resumed`: the longest, in seconds."""

    lost: int
    twice: int
    extra: int
    resumed: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, its load, what it cost, and the bars that it missed."""

    fault: str
    load: str
    found: Found
    missed: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[str, ...]:
        """As the table shows it."""
        cost = self.found
        resumed = "–" if cost.resumed is None else f"{cost.resumed:.1f} s"
        passed = f"no: {'; '.join(self.missed)}" if self.missed else "yes"
        return (self.fault, self.load, str(cost.lost), str(cost.twice), str(cost.extra), resumed, passed)

    def as_json(self) -> str:
        """One line, which `read` reads."""
        return json.dumps(asdict(self))


def judged(fault: str, load: str, found: Found, bars: Mapping[str, bool]) -> Row:
    """The row of a fault. Nothing may be lost or counted twice, whatever the other bars."""
    always = {"something is lost": found.lost == 0, "something is counted twice": found.twice == 0}
    return Row(fault, load, found, tuple(name for name, held in {**always, **bars}.items() if not held))


def read(line: str) -> Row:
    """The row of a line."""
    told = json.loads(line)
    return Row(told["fault"], told["load"], Found(**told["found"]), tuple(told["missed"]))


def markdown(rows: Sequence[Row]) -> str:
    """The table, its columns lined up."""
    lines = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    told = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([told[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *told[1:]])
