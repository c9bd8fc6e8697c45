"""How well scores and likelihood ratios tell two groups of pairs apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson, rankdata
from sklearn.isotonic import IsotonicRegression

Values = NDArray[np.float64]


def auc(related: Values, unrelated: Values) -> float:
    """Area under the ROC curve: the chance that a related pair scores above an unrelated one, ties counted half.

    NaN where either group is empty.
    """
    if not related.size or not unrelated.size:
        return float("nan")
    ranks = rankdata(np.concatenate([related, unrelated]))[: related.size]
    return float((ranks.sum() - related.size * (related.size + 1) / 2) / (related.size * unrelated.size))


def eer(related: Values, unrelated: Values) -> float:
    """Equal error rate on the convex hull of the ROC curve, in [0, 0.5]; NaN where either group is empty."""
    if not related.size or not unrelated.size:
        return float("nan")
    scores = np.concatenate([related, unrelated])
    labels = np.concatenate([np.ones(related.size), np.zeros(unrelated.size)])
    posterior = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(scores, labels)
    levels = np.unique(posterior)[::-1]
    miss = np.concatenate([[1.0], [(posterior[labels == 1] < t).mean() for t in levels]])
    alarm = np.concatenate([[0.0], [(posterior[labels == 0] >= t).mean() for t in levels]])
    after = int(np.argmax(alarm >= miss))
    gap = miss - alarm
    share = gap[after - 1] / (gap[after - 1] - gap[after]) if gap[after - 1] != gap[after] else 0.0
    return float(alarm[after - 1] + share * (alarm[after] - alarm[after - 1]))


def cllr(related: Values, unrelated: Values) -> float:
    """Log-likelihood-ratio cost of log10 LRs, in bits; 0 is perfect, 1 says nothing (Bruemmer & du Preez 2006, eq. 9).

    NaN where either group is empty.
    """
    if not related.size or not unrelated.size:
        return float("nan")
    ln10 = np.log(10.0)
    cost_related = np.logaddexp(0.0, -related * ln10).mean()
    cost_unrelated = np.logaddexp(0.0, unrelated * ln10).mean()
    return float((cost_related + cost_unrelated) / (2 * np.log(2.0)))


def cllr_min(related: Values, unrelated: Values) -> float:
    """Cllr in bits after the best monotone recalibration (pool adjacent violators): the cost of poor discrimination."""
    if not related.size or not unrelated.size:
        return float("nan")
    scores = np.concatenate([related, unrelated])
    labels = np.concatenate([np.ones(related.size), np.zeros(unrelated.size)])
    weights = np.where(labels == 1, 1 / related.size, 1 / unrelated.size)
    posterior = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(scores, labels, sample_weight=weights)
    with np.errstate(divide="ignore"):
        llr = np.log10(posterior) - np.log10(1 - posterior)
    return cllr(llr[labels == 1], llr[labels == 0])


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
    for threshold in (10, 100, 1000):
        count = int((unrelated >= np.log10(threshold)).sum())
        rates[threshold] = count / unrelated.size if unrelated.size else float("nan")
        holds &= count <= poisson.ppf(0.95, unrelated.size / threshold) if unrelated.size else True
    return Misleading(rates, bool(holds))
