"""The pages of help: which terms have one, and the worked example of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp.help import examples


@dataclass(frozen=True, slots=True)
class Page:
    """One page. example: computes what its template shows; it takes no argument."""

    title: str
    lede: str
    example: Callable[[], dict[str, Any]]


PAGES = {
    "lr": Page(
        "Likelihood ratio (LR)",
        "How many times more probable the findings are if one proposition holds than if the other does.",
        examples.likelihood_ratio,
    ),
    "bound": Page(
        "Bound",
        "The largest and the smallest LR that the data behind a calibration can support.",
        examples.bound,
    ),
    "cllr": Page("Cllr", "One number for how good a set of likelihood ratios is: the cost in bits.", examples.cllr),
    "tippett": Page(
        "Tippett plot",
        "How often related and unrelated pairs reach an LR of any size.",
        examples.tippett,
    ),
}
