"""The references of one questioned model, ranked by their bounded likelihood ratio."""

from __future__ import annotations

import math
from typing import Any

from forensics.evaluation.verbal import verbal
from forensics.figures import _style as style
from forensics.lineage.records import PROPOSITIONS, Identification, RankedReference
from forensics.records import Declaration

COLUMNS = ("rank", "reference", "llr", "llr_raw", "verbal", "relation", "p_value", "p_holm", "prompts", "status")


def _optional(value: float | None, what: str) -> float | None:
    return None if value is None else round(style.finite([value], what)[0], 4)


def _estimable(value: float, what: str) -> float | None:
    """A number of the table that no mark is drawn from: None where it is not estimable (NaN)."""
    return None if math.isnan(value) else _optional(value, what)


def _row(reference: RankedReference, proposition: str) -> dict[str, Any]:
    where = f"the ranking's row {reference.reference!r}"
    return {
        "rank": reference.rank,
        "reference": reference.reference,
        "llr": _optional(reference.llr.get(proposition), where),
        "llr_raw": _optional(reference.llr_raw.get(proposition), where),
        "verbal": verbal(reference.llr.get(proposition), proposition),
        "relation": reference.relation,
        "p_value": _estimable(reference.p_value, where),
        "p_holm": _estimable(reference.p_holm, where),
        "prompts": reference.prompts,
        "status": reference.status,
        "kin": _optional(reference.score_kin, where),
    }


def _bounds(calibration: Any, proposition: str) -> list[float]:
    """The log10 bounds that the calibration states for this proposition, where it states them."""
    stated = calibration.get("bounds") or {}
    pair = stated.get(proposition) or []
    return style.finite(pair, "the calibration's bounds")


class Ranking:
    """Bars from 0 to the bounded log10 LR, an open ring at the raw value, the bounds as lines."""

    declaration = Declaration(
        name="ranking",
        version="1",
        title="References ranked",
        source="forensics.lineage.identification",
        parameters={"proposition": "lineage", "most": 30},
        limitations=("A rank says who is nearest among those present; it is no likelihood ratio.",),
    )

    def data(self, result: Identification, *, proposition: str = "lineage", most: int = 30) -> dict[str, Any]:
        """Rows in rank order with bounded and raw LLRs for one proposition, the bounds, and the finding."""
        if proposition not in PROPOSITIONS:
            raise ValueError(f"no proposition {proposition!r}; known: {', '.join(PROPOSITIONS)}")
        rows = [_row(reference, proposition) for reference in result.ranking]
        return {
            "name": self.declaration.name,
            "title": self.declaration.title,
            "questioned": result.questioned,
            "proposition": proposition,
            "bounds": _bounds(result.calibration, proposition),
            "rows": rows[:most],
            "empty": all(row["llr"] is None and row["kin"] is None for row in rows),
            "left_out": max(0, len(rows) - most),
            "reading": _reading(result, rows),
            "table": style.table(
                f"References of {result.questioned}, proposition {proposition}, log10 LR",
                COLUMNS,
                ([row[column] for column in COLUMNS] for row in rows),
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """A Plotly figure of horizontal bars; where no LR is reported it draws the kin score as a plain dot."""
        rows = data["rows"]
        with_llr = any(row["llr"] is not None for row in rows)
        names = [style.label(style.short(row["reference"])) for row in rows]
        axis = {"tickmode": "array", "tickvals": list(range(len(rows))), "ticktext": names}
        title = f"log10 LR, {data['proposition']}" if with_llr else "kin score (no LR reported)"
        return {
            "data": _bars(rows) if with_llr else [_dots(rows)],
            "layout": style.layout(
                height=110 + 30 * max(1, len(rows)),
                bargap=0.45,
                margin={"l": 10, "r": 24, "t": 10, "b": 10},
                xaxis=style.bare_axis(
                    title={"text": title}, showgrid=True, gridcolor=style.RULE, zeroline=True, zerolinecolor=style.INK,
                    automargin=True,
                ),
                yaxis=style.bare_axis(**axis, range=[len(rows) - 0.5, -0.5], automargin=True, ticklabelstandoff=8),
                shapes=[style.vertical(value) for value in data["bounds"]] if with_llr else [],
            ),
        }  # fmt: skip


def _reading(result: Identification, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f"There is no reference to rank for {result.questioned}."
    if result.none_of_these:
        return f"None of these {len(rows)} references stands out for {result.questioned}."
    first = rows[0]
    if first["llr"] is None:
        why = "one of its scores is not estimable" if first["status"] == "ok" else first["status"]
        return f"{first['reference']} ranks first of {len(rows)}; no LR is reported, because {why}."
    return (
        f"{first['reference']} ranks first of {len(rows)} with a bounded log10 LR of {first['llr']:.2f}: "
        f"{first['verbal']}."
    )


def _bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = list(range(len(rows)))
    values = [row["llr"] for row in rows]
    colours = [style.AGAINST if (value or 0) < 0 else style.FOR for value in values]
    bars = {"type": "bar", "orientation": "h", "x": values, "y": places, "marker": {"color": colours}}
    ring = {"symbol": "circle-open", "size": 9, "color": style.INK, "line": {"width": 1.5}}
    raw = {"type": "scatter", "mode": "markers", "x": [row["llr_raw"] for row in rows], "y": places, "marker": ring}
    return [bars | {"hoverinfo": "none"}, raw | {"hoverinfo": "none"}]


def _dots(rows: list[dict[str, Any]]) -> dict[str, Any]:
    marker = {"symbol": "diamond", "size": 9, "color": style.INK_SOFT}
    xs = [row["kin"] for row in rows]
    return {
        "type": "scatter", "mode": "markers", "x": xs, "y": list(range(len(rows))), "marker": marker,
        "hoverinfo": "none",
    }  # fmt: skip


PLUGIN = Ranking()
