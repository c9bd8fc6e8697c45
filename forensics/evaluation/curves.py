"""Plots of likelihood ratios as plain numbers: Tippett, empirical cross-entropy (ECE), and error rates."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import weighted

Values = NDArray[np.float64]
POINTS = 161
PRIORS = np.linspace(-2.5, 2.5, 101)
DIGITS = 5


def _plain(values: Values) -> list[float]:
    return [round(float(v), DIGITS) for v in values]


def tippett(related: Values, unrelated: Values) -> dict[str, Any]:
    """Shares of related and of unrelated pairs whose log10 LR is at least x, over an even grid of x.

    Empty lists where either side is empty.
    """
    if not related.size or not unrelated.size:
        return {"x": [], "related": [], "unrelated": []}
    values = np.concatenate([related, unrelated])
    at = np.linspace(min(values.min(), 0.0), max(values.max(), 0.0), POINTS)
    shares = [1 - np.searchsorted(np.sort(side), at, side="left") / side.size for side in (related, unrelated)]
    return {"x": _plain(at), "related": _plain(shares[0]), "unrelated": _plain(shares[1])}


def shares_at(x: Sequence[float], shares: Sequence[float], llr: float) -> float:
    """The share of pairs that a Tippett curve gives at one log10 LR: that of the grid point at or just below it."""
    place = bisect.bisect_right(x, llr + 1e-9) - 1
    return shares[max(place, 0)] if llr <= x[-1] + 1e-9 else 0.0


def recalibrated(related: Values, unrelated: Values) -> tuple[Values, Values]:
    """The log10 LRs after the best monotone recalibration (pool adjacent violators), infinite where only one side is.

    Both sides keep their order. Empty input gives empty output.
    """
    if not related.size or not unrelated.size:
        return related.copy(), unrelated.copy()
    at, share = weighted.pooled_share(related, unrelated)
    with np.errstate(divide="ignore"):
        llr = np.log10(share) - np.log10(1 - share)

    def of(values: Values) -> Values:
        place = np.searchsorted(at, values, side="right") - 1
        return np.where(place < 0, -np.inf, llr[np.maximum(place, 0)])

    return of(related), of(unrelated)


def _cross_entropy(related: Values, unrelated: Values, prior: Values) -> Values:
    """(k,) bits at each prior log10 odds. Source: Ramos & Gonzalez-Rodriguez 2013, eq. 8."""
    chance = 1 / (1 + 10.0**-prior)
    yes = np.logaddexp(0.0, -(related[None] + prior[:, None]) * weighted.LN10).mean(axis=1)
    no = np.logaddexp(0.0, (unrelated[None] + prior[:, None]) * weighted.LN10).mean(axis=1)
    return np.asarray((chance * yes + (1 - chance) * no) / weighted.LN2)


def ece(related: Values, unrelated: Values, prior: Values = PRIORS) -> dict[str, Any]:
    """Empirical cross-entropy in bits against prior log10 odds: of the LRs, recalibrated ones, and of no evidence.

    Empty lists where either side is empty.
    """
    if not related.size or not unrelated.size:
        return {"prior": [], "system": [], "recalibrated": [], "neutral": []}
    nothing = np.zeros(1)
    return {
        "prior": _plain(prior),
        "system": _plain(_cross_entropy(related, unrelated, prior)),
        "recalibrated": _plain(_cross_entropy(*recalibrated(related, unrelated), prior)),
        "neutral": _plain(_cross_entropy(nothing, nothing, prior)),
    }


def errors(related: Values, unrelated: Values) -> dict[str, Any]:
    """Rates of false alarms and of misses as the threshold falls, at most `POINTS` of them; empty for an empty side."""
    if not related.size or not unrelated.size:
        return {"alarm": [], "miss": []}
    background = weighted.Unrelated(unrelated, np.ones((unrelated.size, 1)))
    _, miss, alarm = weighted.error_rates(related, np.ones((related.size, 1)), background)
    kept = np.unique(np.linspace(0, len(miss) - 1, min(POINTS, len(miss))).round().astype(int))[::-1]
    return {"alarm": _plain(alarm[kept, 0]), "miss": _plain(miss[kept, 0])}
