"""Error rates: what is missed against what is falsely claimed, as the threshold falls, for every proposition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.figures import _style as style
from forensics.figures import _validation as shared
from forensics.records import Declaration

PENS = ((style.FOR, "solid"), (style.RUBRIC, "dash"), (style.AGAINST, "dot"), (style.INK, "dashdot"))
LEAST = 1e-4


class Errors:
    """Misses against false alarms on logarithmic axes."""

    declaration = Declaration(
        name="errors",
        version="1",
        title="Misses against false alarms",
        source="forensics.evaluation.curves.errors",
        parameters={"judged": "held_out"},
        limitations=(f"A rate of 0 is drawn at {LEAST:g}, since a logarithm has no place for it.",),
    )

    def data(self, result: Mapping[str, Any], *, judged: str = "held_out") -> dict[str, Any]:
        """The curve of every proposition in a validation, and its equal error rate."""
        rows = [row for row in result["propositions"] if shared.picked(result, row["proposition"], judged)]
        told = [row for row in rows if row[judged]["eer"] is not None]
        curves = {
            row["proposition"]: {k: style.finite(v, "the error rates") for k, v in row[judged]["errors"].items()}
            for row in told
        }
        rates = [[row["proposition"], row["n"], row["unrelated"], row[judged]["eer"]] for row in told]
        words = ", ".join(f"{name} {rate:.1%}" for name, _, _, rate in rates)
        return {
            "name": self.declaration.name,
            "title": f"{self.declaration.title}: {shared.JUDGED[judged]}",
            "curves": curves,
            "empty": not curves,
            "reading": f"Equal error rates: {words}." if words else "No likelihood ratio was judged.",
            "table": style.table("Equal error rates", ("LLR", "n", "unrelated", "EER"), rates),
        }

    def figure(self, data: dict[str, Any]) -> dict[str, Any]:
        """One falling line for each proposition."""
        drawn = [
            shared.line(style.label(name), _on_log(curve["alarm"]), _on_log(curve["miss"]), *pen, shape="hv")
            for (name, curve), pen in zip(data["curves"].items(), PENS, strict=False)
        ]
        axis = {"type": "log", "range": [-4.1, 0.05], "tickvals": [1e-4, 1e-3, 0.01, 0.1, 1]}
        axis["ticktext"] = ["≤ .01 %", ".1 %", "1 %", "10 %", "100 %"]
        return {
            "data": drawn,
            "layout": shared.chart("false alarms", "misses", xaxis=axis, yaxis=axis, hovermode="closest"),
        }


def _on_log(rates: list[float]) -> list[float]:
    return [max(rate, LEAST) for rate in rates]


PLUGIN = Errors()
