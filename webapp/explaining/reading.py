"""What the page "why this number" shows of one LR of one pair. What is computed is computed by the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience
from forensics.lineage.contributions import contributions
from forensics.lineage.explanation import Explanation as Told
from forensics.lineage.explanation import Why
from forensics.lineage.observed import OneWords
from forensics.lineage.records import Comparison as Result
from webapp import drawing
from webapp.casework.models import Comparison
from webapp.drawing import Drawn

Pair = tuple[str, str]
FIGURES = ("waterfall", "tippett", "distributions", "phrases", "one-words", "layers")


@dataclass(frozen=True)
class Asked:
    """One LR of one pair, and what the page is to show of it. told, words: where they are there."""

    comparison: Comparison
    result: Result
    pair: Pair
    proposition: str
    score: str
    told: Told | None = None
    words: OneWords | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Row and column of the pair."""
        return self.result.models.index(self.pair[0]), self.result.models.index(self.pair[1])

    @property
    def query(self) -> str:
        """What names it in an address."""
        named = {"a": self.pair[0], "b": self.pair[1], "proposition": self.proposition, "score": self.score}
        return urlencode(named)

    @property
    def llr(self) -> float | None:
        """The bounded log10 LR, or None."""
        return _number(self.result.llr[self.proposition][self.place])

    @property
    def experience(self) -> Mapping[str, Any]:
        """What the calibration in use did elsewhere; empty where none ships."""
        used = self.result.calibration
        return experience.shipped(str(used.get("name", "")), str(used.get("hash", "")))


def _number(value: float) -> float | None:
    return float(value) if value == value else None


def scores(asked: Asked) -> list[str]:
    """The scores whose distributions are at hand: what the LR weighs first, then the LR itself, then the others."""
    known = [name for name in asked.experience["distributions"] if name != f"llr_{asked.proposition}"]
    weighed = asked.experience["alone"].get(asked.proposition, {})
    own = [f"llr_{asked.proposition}"] if f"llr_{asked.proposition}" in asked.experience["distributions"] else []
    plain = sorted((n for n in known if not n.startswith("llr_")), key=lambda name: (name not in weighed, name))
    return [name for name in plain if name in weighed] + own + [name for name in plain if name not in weighed]


def subject(asked: Asked, name: str) -> tuple[Any, dict[str, Any]]:
    """What a figure of this page is drawn from, and its options."""
    if name == "waterfall":
        known = calibrations.shipped()
        return contributions(asked.result, asked.pair, proposition=asked.proposition, known=known), {}
    if name == "tippett":
        options = {"proposition": asked.proposition, "judged": "left_out_bounded", "mark": asked.llr}
        return asked.experience, options
    if name == "distributions":
        return asked.experience, {"score": asked.score, "mark": _score(asked), "pair": " and ".join(asked.pair)}
    if name == "layers":
        return layers(asked), {}
    return (asked.told if name == "phrases" else asked.words), {}


def layers(asked: Asked) -> tuple[Any, ...]:
    """The match of each layer of the pair's weights; none where the result carries no weights of the two."""
    of_weights = getattr(asked.result, "of_weights", None)
    found = of_weights(*asked.pair) if of_weights else None
    return tuple(found.layers) if found else ()


def _score(asked: Asked) -> float | None:
    """The pair's own value of the score that is shown."""
    matrices = dict(asked.result.scores) | {f"llr_{name}": raw for name, raw in asked.result.llr_raw.items()}
    return _number(float(matrices[asked.score][asked.place])) if asked.score in matrices else None


def drawn(asked: Asked, name: str) -> Drawn:
    """One figure of the page."""
    found, options = subject(asked, name)
    address = reverse("explaining:csv", args=[asked.comparison.pk, name])
    return drawing.drawn(name, found, csv=f"{address}?{asked.query}", **options)


def why_of(told: Told, proposition: str) -> Why | None:
    """The explanation of one LR, or None where none was reported."""
    return next((why for why in told.why if why.proposition == proposition), None)
