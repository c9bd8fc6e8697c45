"""Tippett plot: how large the likelihood ratios of related and of unrelated pairs are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.evaluation.curves import shares_at
from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

CAPTION = "Shares of pairs with at least this log10 LR"


class Tippett:
    """Shares of pairs whose log10 LR is at least x, for both sides."""

    declaration = Declaration(
        name="tippett",
        version="1",
        title="Tippett plot",
        source="forensics.evaluation.curves.tippett",
        parameters={"proposition": "weights", "judged": "held_out"},
        limitations=("Says nothing of how many independent lineages stand behind a step.",),
    )

    def data(
        self,
        result: Mapping[str, Any],
        *,
        proposition: str = "weights",
        judged: str = "held_out",
        mark: float | None = None,
    ) -> dict[str, Any]:
        """Both curves of one proposition in a validation; `empty` where it was not judged. mark: a case's log10 LR."""
        row = shared.picked(result, proposition, judged)
        told = row[judged]["tippett"] if row else {"x": [], "related": [], "unrelated": []}
        curves = {name: style.finite(values, "the Tippett plot") for name, values in told.items()}
        return {
            "name": self.declaration.name,
            "title": f"{self.declaration.title}: {proposition}, {shared.JUDGED[judged]}",
            "curves": curves,
            "mark": None if mark is None else style.finite([mark], "the case's LR")[0],
            "empty": not curves["x"],
            "reading": _own(row, curves, mark) or _reading(row, judged, proposition),
            "table": style.table(CAPTION, list(curves), zip(*curves.values(), strict=True)),
        }  # fmt: skip

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Two falling lines over log10 LR; a mark at LR 1, and one at the case's own."""
        curves, own = data["curves"], data["mark"]
        return {
            "data": [
                shared.line("related pairs", curves["x"], curves["related"], style.FOR),
                shared.line("cleanly unrelated pairs", curves["x"], curves["unrelated"], style.AGAINST, "dash"),
            ],
            "layout": shared.chart(
                "log10 LR",
                "share with at least this LR",
                yaxis={"range": [0, 1.02]},
                shapes=[style.vertical(0, style.INK_SOFT, "dot", 1), *([] if own is None else [style.vertical(own)])],
                annotations=[] if own is None else [style.note("this pair", own, left=own > 0)],
            ),
        }


def _reading(row: Mapping[str, Any] | None, judged: str, proposition: str) -> str:
    if row is None or row[judged]["misleading_10"] is None:
        return f"No likelihood ratio was judged for {proposition}."
    return (
        f"Of {row['unrelated']} unrelated pairs {row[judged]['misleading_10']:.2%} reach an LR of 10 "
        f"and {row[judged]['misleading_100']:.2%} one of 100; {row['n']} pairs are related."
    )


def _own(row: Mapping[str, Any] | None, curves: Mapping[str, list[float]], mark: float | None) -> str:
    """What the curves say at the case's own LR; '' without one."""
    if row is None or mark is None or not curves["x"]:
        return ""
    unrelated, related = (shares_at(curves["x"], curves[side], mark) for side in ("unrelated", "related"))
    return (
        f"This pair's log10 LR of {mark:+.2f} is reached by {related:.1%} of {row['n']} related pairs and by "
        f"{unrelated:.2%} of {row['unrelated']} unrelated ones."
    )


PLUGIN = Tippett()
