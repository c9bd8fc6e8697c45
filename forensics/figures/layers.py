"""Weights layer by layer: how well each layer of two models matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

RARE = -3.0
"""log10 of the p from which the reading counts a layer as matched beyond chance."""


class LayerMatch(Protocol):
    """One layer of two models' weights. statistic: larger is more alike, None where nothing was matched; log10_p: of a
    match as good by chance, at most 0, None where it is not estimable."""

    @property
    def layer(self) -> str:
        """Its name."""

    @property
    def statistic(self) -> float | None:
        """How alike the two are there."""

    @property
    def log10_p(self) -> float | None:
        """log10 of the p-value."""


class Layers:
    """The match of each layer in the order of the network, those beyond chance filled."""

    declaration = Declaration(
        name="layers",
        version="1",
        title="Weights, layer by layer",
        source="The channel weights, layer by layer",
        limitations=("A model without its weights at hand has nothing to match.",),
    )

    def data(self, result: Sequence[LayerMatch]) -> dict[str, Any]:
        """Layers in the order given; `empty` where there are none, and then it says so."""
        rows = [[m.layer, _number(m.statistic, "match"), _number(m.log10_p, "p-value")] for m in result]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "rows": rows,
            "empty": all(row[1] is None for row in rows),
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


def _number(value: float | None, what: str) -> float | None:
    return None if value is None else round(style.finite([value], f"a layer's {what}")[0], 5)


def _reading(rows: list[list[Any]]) -> str:
    told = [row for row in rows if row[1] is not None]
    if not told:
        return "There are no weights of both models to match: nothing is said of layers."
    rare = sum(1 for _, _, p in rows if p is not None and p <= RARE)
    least = min(told, key=lambda row: row[1])
    return (
        f"{rare} of {len(rows)} layers match beyond what chance gives once in {10**-RARE:,.0f}; the weakest is "
        f"{least[0]} ({least[1]:.3g})."
    )


PLUGIN = Layers()
