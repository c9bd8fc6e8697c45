"""Discrimination and calibration of scores under many weightings of the same pairs at once.

Each weighting is one bootstrap replicate: pairs are sorted once, and everything else is sums. Weights are (pairs, b),
non-negative. A weighting that leaves a side empty gives NaN.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Values = NDArray[np.float64]
LN10, LN2 = np.log(10.0), np.log(2.0)
HALVINGS = 48


class Unrelated:
    """The unrelated pairs' values in ascending order, with their weights summed up from below."""

    def __init__(self, values: Values, weights: Values) -> None:
        order = np.argsort(values, kind="stable")
        self.values = values[order]
        self._weights = weights[order]

    @cached_property
    def below(self) -> Values:
        """(n+1, b): the weight of the k lowest pairs."""
        return np.concatenate([np.zeros((1, self._weights.shape[1])), np.cumsum(self._weights, axis=0)])

    @property
    def total(self) -> Values:
        """(b,): the weight of all."""
        return np.asarray(self.below[-1])

    def share_below(self, at: Values, *, ties: bool = False) -> Values:
        """(t, b): the weighted share of pairs below each value, or not above it with `ties`."""
        place = np.searchsorted(self.values, at, side="right" if ties else "left")
        with np.errstate(invalid="ignore"):
            return np.asarray(self.below[place] / self.total)

    def mean(self, of: Values) -> Values:
        """(b,): the weighted mean of something said of each pair, in the order of `values`."""
        with np.errstate(invalid="ignore"):
            return np.asarray(of @ self._weights / self.total)


def _mean(of: Values, weights: Values) -> Values:
    with np.errstate(invalid="ignore"):
        return np.asarray(of @ weights / weights.sum(axis=0))


def auc(related: Values, weights: Values, unrelated: Unrelated) -> Values:
    """(b,) areas under the ROC curve, ties counted half."""
    chance = (unrelated.share_below(related) + unrelated.share_below(related, ties=True)) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray((chance * weights).sum(axis=0) / weights.sum(axis=0))


def error_rates(related: Values, weights: Values, unrelated: Unrelated) -> tuple[Values, Values, Values]:
    """Thresholds (t,) and the rates (t, b) of misses and of false alarms at each, a pair being claimed from it upwards.

    Thresholds are the related pairs' values, which hold every corner of the ROC curve's convex hull, and infinity.
    """
    at, group = np.unique(related, return_inverse=True)
    claimed = np.zeros((at.size, weights.shape[1]))
    np.add.at(claimed, group, weights)
    missed = np.concatenate([np.zeros((1, weights.shape[1])), np.cumsum(claimed, axis=0)])
    with np.errstate(invalid="ignore"):
        miss = missed / missed[-1]
    alarm = np.concatenate([1 - unrelated.share_below(at), np.zeros((1, weights.shape[1]))])
    return np.append(at, np.inf), miss, alarm


def eer(related: Values, weights: Values, unrelated: Unrelated) -> Values:
    """(b,) equal error rates on the convex hull of the ROC curve, in [0, 0.5].

    It is the greatest over priors of the least Bayes error, found by halving the prior where the errors balance.
    """
    _, miss, alarm = error_rates(related, weights, unrelated)
    empty = ~np.isfinite(miss[-1] + alarm[0])
    miss, alarm = np.nan_to_num(miss), np.nan_to_num(alarm)
    low, high = np.zeros(miss.shape[1]), np.ones(miss.shape[1])
    column = np.arange(miss.shape[1])
    for _ in range(HALVINGS):
        prior = (low + high) / 2
        best = np.argmin(prior * miss + (1 - prior) * alarm, axis=0)
        rising = miss[best, column] > alarm[best, column]
        low, high = np.where(rising, prior, low), np.where(rising, high, prior)
    found = np.min(high * miss + (1 - high) * alarm, axis=0)
    return np.where(empty, np.nan, found)


def cllr(related: Values, weights: Values, unrelated: Unrelated) -> Values:
    """(b,) log-likelihood-ratio costs of log10 LRs in bits (Bruemmer & du Preez 2006, eq. 9)."""
    cost = _mean(np.logaddexp(0.0, -related * LN10), weights)
    return np.asarray((cost + unrelated.mean(np.logaddexp(0.0, unrelated.values * LN10))) / (2 * LN2))


def cllr_min(related: Values, weights: Values, unrelated: Unrelated) -> Values:
    """(b,) Cllr in bits after the best monotone recalibration of each replicate (pool adjacent violators).

    A related pair and the unrelated ones between it and the next related one always fall into one pool, and unrelated
    pairs below all related ones cost nothing; so the pools begin as coarse as that.
    """
    _, miss, alarm = error_rates(related, weights, unrelated)
    yes, no = np.diff(miss, axis=0), -np.diff(alarm, axis=0)
    told = np.isfinite(yes.sum(axis=0) + no.sum(axis=0))
    costs = [_recalibrated_cost(yes[:, b], no[:, b]) if told[b] else np.nan for b in range(told.size)]
    return np.array(costs)


def _pools(yes: Values, no: Values) -> Values:
    """The share of the related in each of the blocks, in ascending order, after adjacent violators are pooled."""
    weight = yes + no
    return np.asarray(isotonic_regression(yes / weight, weights=weight).x)


def pooled_share(related: Values, unrelated: Values) -> tuple[Values, Values]:
    """The distinct values (t,) of related pairs, and the recalibrated share of the related from each to the next."""
    background = Unrelated(unrelated, np.ones((unrelated.size, 1)))
    at, miss, alarm = error_rates(related, np.ones((related.size, 1)), background)
    return at[:-1], _pools(np.diff(miss[:, 0]), -np.diff(alarm[:, 0]))


def _recalibrated_cost(yes: Values, no: Values) -> float:
    """Cllr of blocks in ascending order that hold these shares of related and unrelated pairs, recalibrated."""
    kept = yes + no > 0
    share = _pools(yes[kept], no[kept])
    with np.errstate(divide="ignore", invalid="ignore"):
        cost = np.where(share > 0, -yes[kept] * np.log2(share), 0.0)
        cost += np.where(share < 1, -no[kept] * np.log2(1 - share), 0.0)
    return float(cost.sum() / 2)


def rate_from(threshold: float, unrelated: Unrelated) -> Values:
    """(b,) the share of unrelated pairs at or above a value."""
    return np.asarray(1 - unrelated.share_below(np.array([threshold]))[0])


def quantile(values: Values, weights: Values, share: float) -> Values:
    """(b,) lower quantiles: the least value that a share of the weight does not exceed; NaN for no weight."""
    if not values.size:
        return np.full(weights.shape[1], np.nan)
    order = np.argsort(values, kind="stable")
    held = np.cumsum(weights[order], axis=0)
    place = np.minimum((held < held[-1] * share).sum(axis=0), values.size - 1)
    return np.where(held[-1] > 0, values[order][place], np.nan)


def median(values: Values, weights: Values) -> Values:
    """(b,) lower medians."""
    return quantile(values, weights, 0.5)
