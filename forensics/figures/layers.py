"""Weights layer by layer: how well each layer of two models matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.lineage.records import LayerMatch
from forensics.records import Declaration

RARE = -3.0
"""log10 of the p from which the reading counts a layer as matched beyond chance."""


class Layers:
    """The match of each layer in the order of the network, those beyond chance filled."""

    declaration = Declaration(
        name="layers",
        version="1",
        title="Weights, layer by layer",
        source="forensics.lineage.records.LayerMatch",
        limitations=("A model without its weights at hand has nothing to match.",),
    )

    def data(self, result: Sequence[LayerMatch]) -> dict[str, Any]:
        """Layers in the order given; `empty` where there are none, and then it says so."""
        rows = [
            [m.layer, round(style.finite([m.statistic], "the match")[0], 5),
             None if m.log10_p is None else round(style.finite([m.log10_p], "the match's p")[0], 3)]
            for m in result
        ]  # fmt: skip
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "rows": rows,
            "empty": not rows,
            "reading": _reading(rows),
            "table": style.table("Match of each layer", ("layer", "statistic", "log10_p"), rows),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A line over layers with a mark each; filled where chance is ruled out."""
        rows = data["rows"]
        places = list(range(len(rows)))
        symbols = ["circle" if p is not None and p <= RARE else "circle-open" for _, _, p in rows]
        marks: dict[str, Any] = {"mode": "lines+markers", "marker": {"symbol": symbols, "size": 9, "color": style.FOR}}
        step = max(1, len(rows) // 24)
        ticks = {
            "tickmode": "array", "tickvals": places[::step],
            "ticktext": [style.label(style.short(row[0], 24)) for row in rows[::step]],
        }  # fmt: skip
        drawn = shared.line("match", places, [row[1] for row in rows], style.FOR, **marks)
        chart = shared.chart("layer", "match", xaxis=ticks | {"tickangle": -60}, hovermode="closest", showlegend=False)
        return {"data": [drawn], "layout": chart}


def _reading(rows: list[list[Any]]) -> str:
    if not rows:
        return "There are no weights of both models to match: nothing is said of layers."
    rare = sum(1 for _, _, p in rows if p is not None and p <= RARE)
    least = min(rows, key=lambda row: row[1])
    return (
        f"{rare} of {len(rows)} layers match beyond what chance gives once in {10**-RARE:,.0f}; the weakest is "
        f"{least[0]} ({least[1]:.3g})."
    )


PLUGIN = Layers()
