"""Power curves: how strong the likelihood ratios of pairs of known lineage are after so many probe calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

SIDES = {
    "related": ("related pairs", style.FOR, "solid"),
    "unrelated": ("pairs without lineage", style.AGAINST, "dash"),
    "same_data": ("of these, trained on the same data", style.RUBRIC, "dot"),
}
MEASURES = {"median": "median log10 LR before the bound", "strong": "share with an LR of 10 or more before the bound"}
COLUMNS = ("calls", "draws", "pairs", "related", "interval", "unrelated", "interval", "same data", "interval")


class Power:
    """A measure of related, unrelated and same-data pairs over the number of calls, with intervals as bands."""

    declaration = Declaration(
        name="power",
        version="1",
        title="Calls against likelihood ratio",
        source="forensics.evaluation.calls",
        parameters={"proposition": "weights", "judged": "leave-seed-out", "measure": "median"},
        limitations=("Of small models trained by one recipe; says nothing of how many calls large models need.",),
    )

    def data(
        self,
        result: Mapping[str, Any],
        *,
        proposition: str = "weights",
        judged: str = "leave-seed-out",
        measure: str = "median",
    ) -> dict[str, Any]:
        """Rows by number of calls; `empty` where none is estimable."""
        if measure not in MEASURES:
            raise ValueError(f"no measure {measure!r}; known: {', '.join(MEASURES)}")
        rows = [r for r in result.get("rows") or [] if (r["proposition"], r["judged"]) == (proposition, judged)]
        told = [r for r in rows if r[f"{measure}_related"] is not None]
        curves = {side: _points(told, f"{measure}_{side}") for side in SIDES}
        for points in curves.values():
            style.finite([number for point in points for number in point if number is not None], "the power curve")
        return {
            "name": self.declaration.name,
            "title": f"{proposition.capitalize()}: {MEASURES[measure]}, {judged}",
            "measure": measure,
            "curves": curves,
            "empty": not told,
            "reading": _reading(told, measure),
            "table": style.table(MEASURES[measure], COLUMNS, [_row(r, measure) for r in told]),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Three lines with bands, calls on a logarithmic axis; a mark at the LR that counts as strong."""
        drawn: list[dict[str, Any]] = []
        for side, (name, colour, dash) in SIDES.items():
            points = data["curves"][side]
            marks: dict[str, Any] = {"mode": "lines+markers", "marker": {"color": colour, "size": 6}}
            drawn += shared.band([(x, low, high) for x, _, low, high in points if low is not None], colour)
            drawn.append(shared.line(name, [p[0] for p in points], [p[1] for p in points], colour, dash, **marks))
        sizes = sorted({point[0] for points in data["curves"].values() for point in points})
        more: dict[str, Any] = {"xaxis": {"type": "log", "tickvals": shared.apart(sizes), "tickangle": 0}}
        if data["measure"] == "strong":
            more["yaxis"] = {"range": [-0.02, 1.04]}
        else:
            pen = {"color": style.INK_SOFT, "width": 1, "dash": "dot"}
            more["shapes"] = [
                {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": 1, "y1": 1, "line": pen}
            ]  # LR 10
        title = "log10 LR" if data["measure"] == "median" else "share of pairs"
        return {"data": drawn, "layout": shared.chart("calls to each model", title, **more)}


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> list[list[Any]]:
    """[calls, value, low, high], the ends None where they are not estimable."""
    return [[r["calls"], r[name], *(r["intervals"][name] or (None, None))] for r in rows if r[name] is not None]


def _row(row: Mapping[str, Any], measure: str) -> list[Any]:
    cells = [cell for side in SIDES for cell in (row[f"{measure}_{side}"], row["intervals"][f"{measure}_{side}"])]
    counted = "/".join(str(row[side]) for side in SIDES)
    return [row["calls"], row["draws"], counted, *("not estimable" if cell is None else cell for cell in cells)]


def _reading(rows: Sequence[Mapping[str, Any]], measure: str) -> str:
    if not rows:
        return "No curve was computed."
    words = [
        f"{row[f'{measure}_related']:.2f} of related and {row[f'{measure}_unrelated']:.2f} of unrelated pairs "
        f"at {row['calls']} calls"
        for row in (rows[0], rows[-1])
    ]
    name = MEASURES[measure]
    pairs = f"{rows[0]['related']} related, {rows[0]['unrelated']} unrelated pairs"
    return f"{name[0].upper()}{name[1:]}: {'; '.join(words)} ({pairs})."


PLUGIN = Power()
