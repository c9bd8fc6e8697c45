"""Drift timeline: one score over time with its interval, and what happened when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.lineage.records import DatedScore
from forensics.records import Declaration


class Drift:
    """A score at each date, intervals as whiskers, annotated dates as lines."""

    declaration = Declaration(
        name="drift",
        version="1",
        title="Drift over time",
        source="forensics.lineage.records.DatedScore",
        parameters={"what": "score"},
        limitations=("A gap between two dates says nothing of what lay between them.",),
    )

    def data(self, result: Sequence[DatedScore], *, what: str = "score") -> dict[str, Any]:
        """Points in order of date; `empty` without any. Raises ValueError for what is no date, or half an interval."""
        points = sorted(map(_point, result), key=lambda point: _when(point["at"]))
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "what": what,
            "points": points,
            "empty": not points,
            "reading": _reading(points, what),
            "table": style.table(
                f"{what} by date",
                ("at", "score", "low", "high", "note"),
                ([p[k] for k in ("at", "score", "low", "high", "note")] for p in points),
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A line with whiskers; a dotted line and a number for each note, whose words stand in the table."""
        points = data["points"]
        whiskers = {
            "type": "data", "symmetric": False, "color": style.INK_SOFT,
            "array": [0 if p["high"] is None else p["high"] - p["score"] for p in points],
            "arrayminus": [0 if p["low"] is None else p["score"] - p["low"] for p in points],
        }  # fmt: skip
        marks: dict[str, Any] = {
            "mode": "lines+markers",
            "marker": {"size": 8, "color": style.FOR},
            "error_y": whiskers,
        }
        drawn = shared.line(
            style.label(data["what"]), [p["at"] for p in points], [p["score"] for p in points], style.FOR, **marks
        )
        told = [p for p in points if p["note"]]
        return {
            "data": [drawn],
            "layout": shared.chart(
                "date (UTC)",
                style.label(data["what"]),
                xaxis={"type": "date"},
                shapes=[style.vertical(p["at"], style.RUBRIC, "dot") for p in told],
                annotations=[style.note(style.label(style.short(p["note"], 28)), p["at"]) for p in told],
                hovermode="closest",
                showlegend=False,
            ),
        }


def _when(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as problem:
        raise ValueError(f"{text!r} is no date of the form 2026-11-28 or 2026-11-28T15:00:00+00:00") from problem


def _point(one: DatedScore) -> dict[str, Any]:
    if (one.low is None) != (one.high is None):
        raise ValueError(f"the point of {one.at} has half an interval; give both ends or neither")
    ends = [] if one.low is None or one.high is None else [one.low, one.high]
    score, *interval = style.finite([one.score, *ends], f"the point of {one.at}")
    _when(one.at)
    low, high = interval or (None, None)
    return {"at": one.at, "score": score, "low": low, "high": high, "note": one.note}


def _reading(points: list[dict[str, Any]], what: str) -> str:
    if not points:
        return "There is no scan yet to draw."
    first, last = points[0], points[-1]
    if len(points) == 1:
        return (
            f"One scan, of {first['at'][:10]}: {what} {first['score']:.3g}; a second one would show whether it moves."
        )
    noted = sum(1 for p in points if p["note"])
    return (
        f"{what} went from {first['score']:.3g} on {first['at'][:10]} to {last['score']:.3g} on {last['at'][:10]} over "
        f"{len(points)} scans, {noted} of them annotated."
    )


PLUGIN = Drift()
