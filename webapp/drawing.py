"""Figures as pages show them: what is drawn, what it says in a sentence, its numbers as a table, and its files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from forensics import figures, registry
from forensics.tables import safe_cell

SHOWN_ROWS = 100


@dataclass(frozen=True)
class Drawn:
    """One figure of a page. key: its id there, unique on the page. table: its first rows; count: of all of them.

    csv: the address of the whole table. names: what a pointer reads of a heatmap, {} where there is nothing to read.
    """

    key: str
    title: str
    reading: str
    limitation: str
    empty: bool
    figure: dict[str, Any]
    table: dict[str, Any]
    count: int
    csv: str
    names: dict[str, Any] = field(default_factory=dict)


def drawn(name: str, subject: Any, *, csv: str, key: str = "", **options: Any) -> Drawn:
    """The figure of that name of a result. Raises ValueError on a number that cannot be drawn."""
    plugin = registry.load(figures.PACKAGE, name)
    data = plugin.data(subject, **options)
    return of(plugin, data, plugin.figure(data), csv=csv, key=key or name)


def of(plugin: Any, data: dict[str, Any], figure: dict[str, Any], *, csv: str, key: str, **more: Any) -> Drawn:
    """A figure that is drawn already. more: further fields."""
    table = data["table"]
    shown = table | {"rows": table["rows"][:SHOWN_ROWS]}
    limits = plugin.declaration.limitations
    return Drawn(
        key, data["title"], data["reading"], limits[0] if limits else "", bool(data["empty"]), figure, shown,
        len(table["rows"]), csv, **more,
    )  # fmt: skip


def table_of(name: str, subject: Any, **options: Any) -> dict[str, Any]:
    """The whole table of a figure."""
    found: dict[str, Any] = registry.load(figures.PACKAGE, name).data(subject, **options)["table"]
    return found


def csv_file(name: str, table: dict[str, Any]) -> HttpResponse:
    """A table as a CSV download; text that a spreadsheet would run as a formula is prefixed."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([safe_cell(column) for column in table["columns"]])
    writer.writerows([safe_cell(value) for value in row] for row in table["rows"])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)
