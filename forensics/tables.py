"""Rows as text: for a terminal, and for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FORMULA = "=+-@\t\r"


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in plain text, columns lined up; None is shown as -, numbers to four digits."""
    told = [[_word(cell) for cell in row] for row in (list(header), *rows)]
    widths = [max(len(row[k]) for row in told) for k in range(len(header))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in told)


def _word(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def printable(text: str) -> str:
    """The text for one line of a terminal: control and direction characters are shown as escapes, never sent."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def safe_cell(value: Any) -> Any:
    """The value for a CSV cell: text that a spreadsheet would run as a formula gets a quote before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA and value else value
