"""Accuracy against the number of prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

PENS = {"weights": (style.FOR, "solid"), "base": (style.RUBRIC, "dash")}
MEASURES = {"cllr": "Cllr, bits", "auc": "AUC"}


class Prompts:
    """A measure of each proposition over the number of prompts, with its interval as a band."""

    declaration = Declaration(
        name="prompts",
        version="1",
        title="Accuracy against the number of prompts",
        source="forensics.evaluation.prompts",
        parameters={"measure": "cllr"},
        limitations=("Each draw is refitted leave-family-out, so few families show as a flat line near 1 bit.",),
    )

    def data(self, result: Mapping[str, Any], *, measure: str = "cllr") -> dict[str, Any]:
        """Rows by proposition and number of prompts; `empty` where none was computed."""
        if measure not in MEASURES:
            raise ValueError(f"no measure {measure!r}; known: {', '.join(MEASURES)}")
        rows = [row for row in result.get("curve") or [] if row[measure] is not None]
        told = [[r["proposition"], r["prompts"], r["draws"], r["n"], r[measure], r["intervals"][measure]] for r in rows]
        style.finite([row[4] for row in told], "the curve")
        return {
            "name": self.declaration.name,
            "title": f"{MEASURES[measure]} against the number of prompts",
            "measure": measure,
            "rows": told,
            "empty": not told,
            "reading": _reading(told, MEASURES[measure]),
            "table": style.table(
                MEASURES[measure],
                ("LLR", "prompts", "draws", "n", measure, "interval"),
                [[*map(_word, r)] for r in told],
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A line with a band for each proposition, prompts on a logarithmic axis."""
        drawn: list[dict[str, Any]] = []
        for name, pen in PENS.items():
            rows = [row for row in data["rows"] if row[0] == name]
            told = [(row[1], *row[5]) for row in rows if row[5]]
            drawn += [*shared.band(told, pen[0]), *_line(name, rows, pen)]
        axis = {"type": "log", "tickvals": shared.apart(sorted({row[1] for row in data["rows"]})), "tickangle": 0}
        top = {"range": [0, 1.1]} if data["measure"] == "cllr" else {"range": [0.5, 1.01]}
        return {"data": drawn, "layout": shared.chart("prompts", MEASURES[data["measure"]], xaxis=axis, yaxis=top)}


def _word(cell: Any) -> Any:
    return "not estimable" if cell is None else cell


def _reading(rows: Sequence[Sequence[Any]], title: str) -> str:
    ends = {row[0]: (first, row) for row in rows for first in [next(r for r in rows if r[0] == row[0])]}
    words = [f"{name} {a[4]:.3f} at {a[1]} prompts, {b[4]:.3f} at {b[1]}" for name, (a, b) in ends.items()]
    return f"{title}: {'; '.join(words)}." if words else "No curve was computed."


def _line(name: str, rows: Sequence[Sequence[Any]], pen: tuple[str, str]) -> list[dict[str, Any]]:
    if not rows:
        return []
    marks: dict[str, Any] = {"mode": "lines+markers", "marker": {"color": pen[0], "size": 7}}
    return [shared.line(name, [row[1] for row in rows], [row[4] for row in rows], *pen, **marks)]


PLUGIN = Prompts()
