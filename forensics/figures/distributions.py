"""Score distributions: what pairs of known relation score, and where this pair lies among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

PENS = {
    "unrelated": (style.AGAINST, "solid"),
    "sibling": (style.INK_SOFT, "dash"),
    "distilled": (style.RUBRIC, "dot"),
    "derived": (style.FOR, "dashdot"),
}
TITLES = {
    "unrelated": "cleanly unrelated",
    "sibling": "siblings: a common parent or base",
    "distilled": "teacher and student",
    "derived": "same weights or derived",
}


class Distributions:
    """One outline per documented relation over one score's values, on equal area; a line where the pair lies."""

    declaration = Declaration(
        name="distributions",
        version="1",
        title="Score distributions",
        source="forensics.evaluation.experience",
        parameters={"score": "agreement"},
        limitations=("Pairs of one family are no independent pairs: a peak may be a single lineage.",),
    )

    def data(
        self, result: Mapping[str, Any], *, score: str = "agreement", mark: float | None = None, pair: str = ""
    ) -> dict[str, Any]:
        """The histograms of one score in a calibration's experience; `empty` where it holds none of that score.

        mark: the pair's own value, named `pair`.
        """
        told = (result.get("distributions") or {}).get(score) or {"edges": [], "groups": {}}
        edges = style.finite(told["edges"], "the edges")
        groups = {name: _group(told["groups"][name]) for name in PENS if name in told["groups"]}
        at = None if mark is None else style.finite([mark], f"the pair's {score}")[0]
        rows = [
            [TITLES[name], group["n"], group["median"], edges[k], edges[k + 1], share]
            for name, group in groups.items()
            for k, share in enumerate(group["shares"])
            if share
        ]
        return {
            "name": self.declaration.name,
            "title": f"{self.declaration.title}: {score}",
            "score": score,
            "edges": edges,
            "groups": groups,
            "mark": at,
            "pair": pair,
            "empty": not groups,
            "reading": _reading(score, groups, at),
            "table": style.table(
                f"Shares of pairs by {score}", ("relation", "pairs", "median", "from", "to", "share"), rows
            ),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Staircase outlines that also differ by dash; the pair's value as a solid line with its name."""
        drawn = [
            shared.line(f"{TITLES[name]} ({group['n']})", *_outline(data["edges"], group["shares"]), *PENS[name])
            for name, group in data["groups"].items()
        ]
        low, high = (data["edges"][0], data["edges"][-1]) if data["edges"] else (0.0, 1.0)
        room, own = 0.06 * (high - low), data["mark"]
        # A pair far outside what was seen is drawn at the edge with its value: to scale it would leave no room.
        at = None if own is None else min(max(own, low - room), high + room)
        told = "this pair" if at == own else f"this pair: {own:.2f}"
        return {
            "data": drawn,
            "layout": shared.chart(
                style.label(data["score"]),
                "share of pairs",
                xaxis={"range": [low - 1.5 * room, high + 1.5 * room]},
                shapes=[] if at is None else [style.vertical(at, style.INK, "solid", 2)],
                annotations=[] if at is None else [style.note(told, at, left=at > (low + high) / 2)],
                hovermode="closest",
            ),
        }


def _group(told: Mapping[str, Any]) -> dict[str, Any]:
    shares = style.finite(told["shares"], "the shares")
    return {"n": int(told["n"]), "median": style.finite([told["median"]], "a median")[0], "shares": shares}


def _outline(edges: list[float], shares: list[float]) -> tuple[list[float], list[float]]:
    xs = [edges[0], *(x for k in range(len(shares)) for x in (edges[k], edges[k + 1])), edges[-1]]
    return xs, [0.0, *(share for share in shares for _ in (0, 1)), 0.0]


def _reading(score: str, groups: Mapping[str, Any], mark: float | None) -> str:
    if not groups:
        return f"No distribution of {score} ships with this calibration."
    medians = ", ".join(f"{TITLES[name]} {group['median']:.2f}" for name, group in groups.items())
    own = f"This pair's {score} is {mark:.2f}; m" if mark is not None else "M"
    return f"{own}edians of pairs of known relation: {medians}."


PLUGIN = Distributions()
