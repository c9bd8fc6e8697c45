"""How well scores and likelihood ratios tell two groups of pairs apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from forensics.evaluation import weighted

Values = NDArray[np.float64]
THRESHOLDS = (10, 100, 1000)
"""Likelihood ratios at which misleading evidence is counted."""


def _judge(figure: Callable[..., Values], related: Values, unrelated: Values) -> float:
    """A weighted figure with every pair counted once; NaN where either group is empty."""
    if not related.size or not unrelated.size:
        return float("nan")
    background = weighted.Unrelated(unrelated, np.ones((unrelated.size, 1)))
    return float(figure(related, np.ones((related.size, 1)), background)[0])


def auc(related: Values, unrelated: Values) -> float:
    """Area under the ROC curve: the chance that a related pair scores above an unrelated one, ties counted half.

    NaN where either group is empty.
    """
    return _judge(weighted.auc, related, unrelated)


def eer(related: Values, unrelated: Values) -> float:
    """Equal error rate on the convex hull of the ROC curve, in [0, 0.5]; NaN where either group is empty."""
    return _judge(weighted.eer, related, unrelated)


def cllr(related: Values, unrelated: Values) -> float:
    """Log-likelihood-ratio cost of log10 LRs, in bits; 0 is perfect, 1 says nothing (Bruemmer & du Preez 2006, eq. 9).

    NaN where either group is empty.
    """
    return _judge(weighted.cllr, related, unrelated)


def cllr_min(related: Values, unrelated: Values) -> float:
    """Cllr in bits after the best monotone recalibration (pool adjacent violators): the cost of poor discrimination."""
    return _judge(weighted.cllr_min, related, unrelated)


def cllr_cal(related: Values, unrelated: Values) -> float:
    """Cllr less Cllr_min, in bits: the cost of poor calibration; NaN where either group is empty."""
    return cllr(related, unrelated) - cllr_min(related, unrelated)


def cllr_floor(related: int, unrelated: int, lower: float, upper: float) -> float:
    """The Cllr that perfect separation would still cost under bounds on the log10 LR, in bits."""
    return cllr(np.full(related, upper), np.full(unrelated, lower))


@dataclass(frozen=True, slots=True)
class Misleading:
    """Rates of misleading evidence at LR thresholds 10, 100 and 1000 among unrelated pairs.

    Turing's rule: under Hd an LR of at least x occurs in at most 1/x of the cases. `turing_holds` allows for chance
    by a one-sided 95 % Poisson limit, so that few pairs do not fail it.
    """

    rates: dict[int, float]
    turing_holds: bool


def misleading(unrelated: Values) -> Misleading:
    """Misleading-evidence rates of log10 LRs of unrelated pairs; an empty group gives NaN and holds."""
    rates: dict[int, float] = {}
    holds = True
    for threshold in THRESHOLDS:
        count = int((unrelated >= np.log10(threshold)).sum())
        rates[threshold] = count / unrelated.size if unrelated.size else float("nan")
        holds &= count <= poisson.ppf(0.95, unrelated.size / threshold) if unrelated.size else True
    return Misleading(rates, bool(holds))
