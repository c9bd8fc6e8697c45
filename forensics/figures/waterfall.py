"""Evidence waterfall: each channel's LR alone, what their dependence takes back, the fused LR, and its bound."""

from __future__ import annotations

from typing import Any

from forensics.figures import _style as style
from forensics.lineage.contributions import Contributions
from forensics.records import Declaration

TOTALS = ("fused", "reported")
COLUMNS = ("step", "kind", "log10_lr", "from", "to", "score")
NOTHING = (
    "No likelihood ratio of this pair can be taken apart by channel: none is reported, or no record of its channels "
    "alone ships with its calibration."
)


class Waterfall:
    """Steps from 0 to the reported log10 LR; the bounds as lines."""

    declaration = Declaration(
        name="waterfall",
        version="1",
        title="Evidence waterfall",
        source="forensics.lineage.contributions; forensics.evaluation.experience",
        limitations=(
            "A channel's LR alone may not be added to another's: the dependence bar is what that would overstate.",
        ),
    )

    def data(self, result: Contributions | None) -> dict[str, Any]:
        """Steps in the order in which they are drawn, the bounds, and how the LR is worded; `empty` without an LR."""
        steps = _steps(result) if result else []
        bounds = style.finite(result.bounds, "the bounds") if result else []
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "steps": steps,
            "bounds": bounds,
            "empty": not steps,
            "reading": _reading(result) if result else NOTHING,
            "table": style.table(
                "Steps to the likelihood ratio, log10", COLUMNS, ([s[c] for c in COLUMNS] for s in steps)
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Horizontal floating bars, the first on top; totals start at 0; both bounds as dashed lines."""
        steps = data["steps"]
        places = list(range(len(steps)))
        names = [style.label(s["step"]) for s in steps]
        bars = {
            "type": "bar",
            "orientation": "h",
            "y": places,
            "base": [s["from"] for s in steps],
            "x": [s["to"] - s["from"] for s in steps],
            "marker": {"color": [_colour(s) for s in steps], "pattern": {"shape": [_pattern(s) for s in steps]}},
            "text": [f"{s['log10_lr']:+.2f}".replace("-", "\u2212") for s in steps],
            "textposition": "outside",
            "cliponaxis": False,
            "hoverinfo": "none",
        }
        ends = [0.0, *data["bounds"], *(s["to"] for s in steps), *(s["from"] for s in steps)]
        room = 0.16 * (max(ends) - min(ends) or 1.0)
        axis = {"title": {"text": "log10 LR"}, "showgrid": True, "gridcolor": style.RULE, "zeroline": True}
        rows = {"tickmode": "array", "tickvals": places, "ticktext": names, "range": [len(steps) - 0.5, -0.5]}
        return {
            "data": [bars],
            "layout": style.layout(
                height=110 + 44 * len(steps),
                bargap=0.4,
                margin={"l": 10, "r": 10, "t": 10, "b": 10},
                xaxis=style.bare_axis(
                    **axis, zerolinecolor=style.INK, range=[min(ends) - room, max(ends) + room], automargin=True
                ),
                yaxis=style.bare_axis(**rows, automargin=True, ticklabelstandoff=8),
                shapes=[style.vertical(value) for value in data["bounds"]],
            ),
        }


def _steps(told: Contributions) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    at = 0.0
    for part in told.parts:
        steps.append(_step(part.feature, "channel", at, at + (part.alone or 0.0), part.score))
        at += part.alone or 0.0
    steps.append(_step("dependence", "dependence", at, told.raw))
    steps.append(_step("fused, before the bound", "fused", 0.0, told.raw))
    if told.cut:
        steps.append(_step("bound", "bound", told.raw, told.bounded))
    steps.append(_step("reported", "reported", 0.0, told.bounded))
    return steps


def _step(name: str, kind: str, start: float, end: float, score: float | None = None) -> dict[str, Any]:
    low, high = style.finite([start, end], f"the waterfall's step {name!r}")
    shown = None if score is None else round(style.finite([score], f"the score {name!r}")[0], 4)
    return {
        "step": name, "kind": kind, "log10_lr": round(high - low, 4), "from": round(low, 4), "to": round(high, 4),
        "score": shown,
    }  # fmt: skip


def _colour(step: dict[str, Any]) -> str:
    if step["kind"] in TOTALS:
        return style.INK
    if step["kind"] in ("dependence", "bound"):
        return style.RUBRIC
    return style.FOR if step["log10_lr"] >= 0 else style.AGAINST


def _pattern(step: dict[str, Any]) -> str:
    """Hatching for what takes back, so that it stands apart without colour."""
    return {"dependence": "/", "bound": "x"}.get(step["kind"], "")


def _reading(told: Contributions) -> str:
    alone = ", ".join(
        f"{part.feature} {'not estimable' if part.alone is None else format(part.alone, '+.2f')}" for part in told.parts
    )
    bound = f", held to {told.bounded:+.2f} by the bound" if told.cut else ""
    dependence = f"; their dependence changes the sum by {told.dependence:+.2f}" if len(told.parts) > 1 else ""
    return (
        f"Channels alone, log10 LR: {alone}{dependence}, which makes {told.raw:+.2f}{bound}: {told.verbal} "
        f"within [{told.bounds[0]:+.2f}, {told.bounds[1]:+.2f}]."
    )


PLUGIN = Waterfall()
