"""Refusal matrix: what share of the probes of each topic every model declines."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.lineage.records import Comparison
from forensics.records import Declaration


class Refusals:
    """Models by topics; a topic that a model answered no probe of stays an empty cell."""

    declaration = Declaration(
        name="refusals",
        version="1",
        title="Refusals by topic",
        source="forensics.lineage.observed; the detector of forensics.features.refusal",
        limitations=(
            "The detector sees the reply alone, and models of one maker decline alike whatever they descend from.",
        ),
    )

    def data(self, result: Comparison) -> dict[str, Any]:
        """Shares in percent, models that decline alike beside each other; `empty` where no probe asked for it."""
        told = result.refusals
        order = _order(told.shares.tolist(), result.models) if told else []
        topics = list(told.topics) if told else []
        cells = [[_percent(told.shares[i, k]) for k in range(len(topics))] for i in order] if told else []
        known = [cell for row in cells for cell in row if cell is not None]
        models = [result.models[i] for i in order]
        counts = [[int(n) for n in told.n[i]] for i in order] if told else []
        rows = [
            [model, topic, cells[r][k], counts[r][k]]
            for r, model in enumerate(models)
            for k, topic in enumerate(topics)
        ]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "models": models,
            "topics": topics,
            "cells": cells,
            "empty": not known,
            "reading": _reading(models, topics, cells, kept=told is not None),
            "table": style.table(
                "Share of probes declined", ("model", "topic", "declined_percent", "probes_answered"), rows
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A Plotly heatmap from 0 to 100 %."""
        m = len(data["models"])
        names = [style.label(style.short(name)) for name in data["models"]]
        heat = {
            "type": "heatmap", "x": [style.label(t) for t in data["topics"]], "y": list(range(m)), "z": data["cells"],
            "zmin": 0, "zmax": 100, "colorscale": style.ramp(), "hoverinfo": "none", "hoverongaps": False, "xgap": 1,
            "ygap": 1 if m <= 60 else 0,
            "colorbar": {"title": {"text": "% declined", "side": "right"}, "thickness": 8, "outlinewidth": 0},
        }  # fmt: skip
        rows = {"tickmode": "array", "tickvals": list(range(m)), "ticktext": names, "range": [m - 0.5, -0.5]}
        return {
            "data": [heat],
            "layout": style.layout(
                height=180 + max(80, min(1300, m * (22 if m <= 60 else 6))),
                margin={"l": 10, "r": 10, "t": 10, "b": 10},
                xaxis=style.bare_axis(automargin=True, side="top", type="category"),
                yaxis=style.bare_axis(**rows, automargin=True, showticklabels=m <= 60),
            ),
        }


def _percent(share: float) -> float | None:
    if share != share:
        return None
    return round(100 * style.finite([share], "the refusal matrix")[0], 1)


def _order(shares: list[list[float]], models: tuple[str, ...]) -> list[int]:
    """Models that decline most first; names settle ties."""
    known = [[share for share in row if share == share] for row in shares]
    means = [sum(row) / len(row) if row else -1.0 for row in known]
    return sorted(range(len(models)), key=lambda i: (-means[i], models[i]))


def _reading(models: list[str], topics: list[str], cells: list[list[float | None]], *, kept: bool) -> str:
    if not kept:
        return "This comparison was stored before refusals were kept with it; compare again to see them."
    known = [(cell, r, k) for r, row in enumerate(cells) for k, cell in enumerate(row) if cell is not None]
    if not known:
        return "No model answered a probe that could be declined."
    most, r, k = max(known, key=lambda one: (one[0], -one[1], -one[2]))
    if not most:
        return f"None of {len(models)} models declines a probe of any topic ({', '.join(topics)})."
    never = sum(1 for row in cells if not any(row))
    return (
        f"{models[r]} declines most in one topic, {most:.0f} % of {topics[k]}; {never} of {len(models)} models decline "
        f"nothing in {len(topics)} topics."
    )


PLUGIN = Refusals()
