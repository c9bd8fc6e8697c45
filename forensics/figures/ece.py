"""ECE plot: what the likelihood ratios cost at every prior, beside their best recalibration and no evidence at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

CAPTION = "Bits at each prior log10 odds"


class Ece:
    """Empirical cross-entropy in bits against prior log10 odds."""

    declaration = Declaration(
        name="ece",
        version="1",
        title="Empirical cross-entropy",
        source="forensics.evaluation.curves.ece",
        parameters={"proposition": "weights", "judged": "held_out"},
        limitations=("Where the line lies above that of no evidence, these LRs do harm at that prior.",),
    )

    def data(
        self, result: Mapping[str, Any], *, proposition: str = "weights", judged: str = "held_out"
    ) -> dict[str, Any]:
        """The three curves of one proposition in a validation; `empty` where it was not judged."""
        row = shared.picked(result, proposition, judged)
        told = row[judged]["ece"] if row else {"prior": [], "system": [], "recalibrated": [], "neutral": []}
        curves = {name: style.finite(values, "the ECE plot") for name, values in told.items()}
        return {
            "name": self.declaration.name,
            "title": f"{self.declaration.title}: {proposition}, {shared.JUDGED[judged]}",
            "curves": curves,
            "empty": not curves["prior"],
            "reading": _reading(row, judged, proposition),
            "table": style.table(CAPTION, list(curves), zip(*curves.values(), strict=True)),
        }  # fmt: skip

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """Three lines over prior log10 odds."""
        curves = data["curves"]
        top = max([1.05, *(min(1.5, value * 1.05) for value in curves["system"])])
        return {
            "data": [
                shared.line("these LRs", curves["prior"], curves["system"], style.RUBRIC),
                shared.line("best recalibration", curves["prior"], curves["recalibrated"], style.FOR, "dash"),
                shared.line("no evidence", curves["prior"], curves["neutral"], style.INK_SOFT, "dot"),
            ],
            "layout": shared.chart("prior log10 odds", "bits", yaxis={"range": [0, top]}),
        }


def _reading(row: Mapping[str, Any] | None, judged: str, proposition: str) -> str:
    if row is None or row[judged]["cllr"] is None:
        return f"No likelihood ratio was judged for {proposition}."
    told = row[judged]
    return f"At even odds these LRs cost {told['cllr']:.3f} bits, of which {told['cllr_cal']:.3f} by poor calibration."


PLUGIN = Ece()
