"""The population as a heatmap, ordered by its dendrogram."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.figures import _style as style
from forensics.lineage.ordering import dendrogram
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.records import Declaration

DISTANCE = "distance"


def matrices(result: Comparison) -> tuple[str, ...]:
    """Names of the matrices that can be shown: distance, kin, an LLR per proposition, and every score."""
    return (DISTANCE, "kin", *(f"llr_{p}" for p in PROPOSITIONS if p in result.llr), *sorted(result.scores))


def _matrix(result: Comparison, name: str) -> NDArray[np.float64]:
    if name == DISTANCE:
        return result.distance
    if name == "kin":
        return result.kin
    if name.startswith("llr_") and name[4:] in result.llr:
        return result.llr[name[4:]]
    return result.scores[name]


def _cells_of(values: NDArray[np.float64], name: str) -> list[list[float | None]]:
    """The matrix to three decimals, None where it is not estimable (NaN) and on the diagonal."""
    if np.isinf(values).any():
        raise ValueError(f"the matrix {name!r} holds a number that is not finite; nothing was drawn")
    shown = np.round(values, 3).astype(object)
    shown[np.isnan(values) | np.eye(len(values), dtype=bool)] = None
    return [list(row) for row in shown]


class Heatmap:
    """Every pair of the population; what is not estimable stays an empty cell."""

    declaration = Declaration(
        name="heatmap",
        version="1",
        title="Heatmap and dendrogram",
        source="Average linkage on the distance matrix; see forensics.lineage.ordering",
        parameters={"matrix": DISTANCE},
        limitations=(
            "A dendrogram groups whatever it is given: its branches carry no support values. The lineage tree does.",
        ),
    )

    def data(self, result: Comparison, *, matrix: str = DISTANCE) -> dict[str, Any]:
        """Ordered cells, dendrogram lines, the closest pairs in a sentence, and every pair as a table."""
        if matrix not in matrices(result):
            raise ValueError(f"no matrix {matrix!r}; known: {', '.join(matrices(result))}")
        tree = dendrogram(result)
        order = [int(i) for i in tree.order]
        values = _matrix(result, matrix)
        known = _cells_of(values, matrix)
        pairs = _pairs(result, values, known, matrix)
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "matrix": matrix,
            "models": [result.models[i] for i in order],
            "cells": [[known[i][j] for j in order] for i in order],
            "empty": all(pair[2] is None for pair in pairs),
            "lines": [style.finite(segment, "the dendrogram") for segment in tree.segments],
            "reading": _reading(len(order), pairs, matrix),
            "table": style.table(
                f"{matrix}, most alike first", ("model_a", "model_b", matrix, "prompts", "status"), pairs
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A Plotly figure: the dendrogram above, the cells below, on one horizontal axis in leaf units."""
        m = len(data["models"])
        names = [style.label(style.short(name)) for name in data["models"]]
        ticks = {"tickmode": "array", "tickvals": list(range(m)), "ticktext": names, "range": [-0.5, m - 0.5]}
        side = max(320, min(1300, m * 26 if m <= 40 else m * 9))
        return {
            "data": [_cells(data, m), _lines(data["lines"])],
            "layout": style.layout(
                height=side + 260,
                margin={"l": 10, "r": 10, "t": 10, "b": 10},
                xaxis=style.bare_axis(**ticks, anchor="y", tickangle=-90, automargin=True),
                yaxis=style.bare_axis(
                    **ticks | {"range": [m - 0.5, -0.5]}, domain=[0, 0.84], automargin=True, scaleanchor=None
                ),
                yaxis2=style.bare_axis(domain=[0.855, 1], anchor="x", showticklabels=False, rangemode="tozero"),
            ),
        }


def _pairs(
    result: Comparison, values: NDArray[np.float64], known: list[list[float | None]], matrix: str
) -> list[list[Any]]:
    first, second = np.triu_indices(len(result.models), k=1)
    key = values[first, second] * (1 if matrix == DISTANCE else -1)
    ordered = np.argsort(np.where(np.isnan(key), np.inf, key), kind="stable")
    rows = ((int(first[k]), int(second[k])) for k in ordered)
    return [
        [
            result.models[i],
            result.models[j],
            known[i][j],
            int(result.prompts[i, j]),
            str(result.status[i, j]),
        ]
        for i, j in rows
    ]


def _reading(m: int, pairs: list[list[Any]], matrix: str) -> str:
    missing = sum(1 for pair in pairs if pair[2] is None)
    gaps = f", and {missing:,} of {len(pairs):,} pairs are not estimable and stay empty" if missing else ""
    if missing == len(pairs):
        return f"No pair of these {m} models is estimable for {matrix}."
    a, b, value = pairs[0][:3]
    closest = f"Of {m} models, {a} and {b} are the most alike ({matrix} {value:.3g})"
    return f"{closest}; a stronger colour means more alike{gaps}."


def _cells(data: dict[str, Any], m: int) -> dict[str, Any]:
    known = [cell for row in data["cells"] for cell in row if cell is not None] or [0.0, 1.0]
    return {
        "type": "heatmap",
        "z": data["cells"],
        "x0": 0,
        "dx": 1,
        "y0": 0,
        "dy": 1,
        "zmin": min(known),
        "zmax": max(known),
        "colorscale": style.ramp(),
        "reversescale": data["matrix"] == DISTANCE,
        "xgap": 1 if m <= 60 else 0,
        "ygap": 1 if m <= 60 else 0,
        "hoverinfo": "none",
        "hoverongaps": False,
        "colorbar": {
            "orientation": "h",
            "thickness": 8,
            "len": 0.5,
            "x": 1,
            "xanchor": "right",
            "y": 1.0,
            "yanchor": "bottom",
            "outlinewidth": 0,
            "title": {"text": style.label(data["matrix"]), "side": "top", "font": {"size": 11}},
        },
    }


def _lines(segments: list[list[float]]) -> dict[str, Any]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for x0, y0, x1, y1 in segments:
        xs += [round(x0, 3), round(x1, 3), None]
        ys += [round(y0, 4), round(y1, 4), None]
    line = {"color": style.INK_SOFT, "width": 1}
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "yaxis": "y2", "line": line, "hoverinfo": "skip"}


PLUGIN = Heatmap()
