"""Phrases and habits that both models of a pair over-use, and how many of the others share each."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.lineage.explanation import Explanation
from forensics.records import Declaration

COLUMNS = ("kind", "text", "part_percent", "other_models", "of_models", "probes")


class Phrases:
    """Bars by how much each adds to what the two have in common; the table says who else shares it."""

    declaration = Declaration(
        name="phrases",
        version="1",
        title="What both over-use",
        source="forensics.lineage.explanation",
        parameters={"most": 20},
        limitations=("A phrase that a whole population shares counts little, however striking it reads.",),
    )

    def data(self, result: Explanation, *, most: int = 20) -> dict[str, Any]:
        """Rare phrases, then style habits, each with the share that it adds to its score; `empty` without any."""
        rows = [
            ["phrase", p.text, _percent(p.overlap, result.overlap), p.background, p.models, len(p.prompt_ids)]
            for p in result.phrases
        ]
        whole = sum(abs(h.part) for h in result.habits)
        rows += [["habit", h.text, _percent(h.part, whole), h.background, h.models, None] for h in result.habits]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "pair": [result.model_a, result.model_b],
            "rows": rows[:most],
            "empty": not rows,
            "reading": _reading(result),
            "table": style.table("Phrases and habits in common", COLUMNS, rows),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Horizontal bars; habits are hatched."""
        rows = data["rows"]
        places = list(range(len(rows)))
        bars = {
            "type": "bar", "orientation": "h", "x": [row[2] for row in rows], "y": places, "hoverinfo": "none",
            "text": [f"{row[3]} of {row[4]} others" for row in rows], "textposition": "outside", "cliponaxis": False,
            "marker": {"color": [style.FOR if row[0] == "phrase" else style.AGAINST for row in rows],
                       "pattern": {"shape": ["" if row[0] == "phrase" else "/" for row in rows]}},
        }  # fmt: skip
        ticks = [style.label(style.short(row[1], 44)) for row in rows]
        most = max((row[2] for row in rows), default=1.0) or 1.0
        return {
            "data": [bars],
            "layout": style.layout(
                height=100 + 28 * max(1, len(rows)),
                bargap=0.4,
                margin={"l": 10, "r": 10, "t": 10, "b": 10},
                xaxis=style.bare_axis(
                    title={"text": "% of what the two have in common"}, range=[0, 1.35 * most], automargin=True
                ),
                yaxis=style.bare_axis(
                    tickmode="array", tickvals=places, ticktext=ticks, range=[len(rows) - 0.5, -0.5], automargin=True
                ),
            ),
        }


def _percent(part: float, whole: float) -> float:
    return round(style.finite([100 * part / whole if whole else 0.0], "a phrase's part")[0], 2)


def _reading(told: Explanation) -> str:
    if not told.phrases and not told.habits:
        return f"{told.model_a} and {told.model_b} over-use nothing in common that others do not use as much."
    own = sum(1 for p in told.phrases if p.background == 0)
    return (
        f"{told.model_a} and {told.model_b} share {len(told.phrases)} rare phrases shown here, {own} of them with no "
        f"other model of the comparison, and {len(told.habits)} habits."
    )


PLUGIN = Phrases()
