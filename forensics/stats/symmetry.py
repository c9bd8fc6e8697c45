"""Exact p-values from what a training cannot know: the order of hidden units and the signs of their weights.

A network's initial weights have the same law in every order of its hidden units and under a change of sign of a unit's
ingoing and outgoing weights together, and no usual optimiser tells them apart. So of two networks trained apart, one
may be thought to be in a random order and of random signs, whatever their data, architecture or likeness of function
(the order: Zhu, Xu, Gokaslan, Liang & Hashimoto 2025, "Independence tests for language models", theorem 1; the signs:
the same argument for another symmetry). All p-values are natural logarithms: they are never 0, and may be below what a
float can hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import gammaln, logsumexp

EXACT = 1e-9
"""Below this a tail is no longer told as one minus the rest, which would lose its digits, but bounded from above."""


def matching(similarity: NDArray[np.float64], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the one-to-one matching of largest sum (linear assignment), in order of the rows.

    The rows are shuffled first: where several matchings are as good, as with units that are all zero, the solver would
    prefer those that keep the order, and order is what is tested.
    """
    shuffled = rng.permutation(similarity.shape[0])
    rows, columns = linear_sum_assignment(similarity[shuffled], maximize=True)
    rows = shuffled[rows]
    order = np.argsort(rows)
    return rows[order].astype(np.int64), columns[order].astype(np.int64)


def signs_log_p(agreeing: int, signs: int) -> float:
    """ln P(at least so many of `signs` fair coins agree): the upper binomial tail, exact. 0 for no coin."""
    if agreeing <= 0:
        return 0.0
    k = np.arange(agreeing, signs + 1)
    terms = gammaln(signs + 1) - gammaln(k + 1) - gammaln(signs - k + 1) - signs * np.log(2)
    return min(0.0, float(logsumexp(terms)))


def in_place_log_p(kept: int, layers: Sequence[tuple[int, int]]) -> float:
    """ln P(at least `kept` units in all keep their place) where each layer's order is random and its own.

    layers: (matched, units) of each: so many pairs were matched, of so many units on either side. In one layer the
    number in place is that of fixed points of a random injection; over layers these add up. Exact down to 1e-9; below,
    the bound E[C(kept units, kept)] (Bonferroni), which is at most e^layers too large. 0 for nothing in place.
    """
    if kept <= 0:
        return 0.0
    rate = sum(matched / units for matched, units in layers if units)
    bound = kept * np.log(rate) - float(gammaln(kept + 1))
    if kept <= 4 * len(layers) + 40:
        below = np.zeros(kept)
        below[0] = 1.0
        for matched, units in layers:
            below = np.convolve(below, _in_place(matched, units, kept))[:kept]
        tail = 1.0 - float(below.sum())
        if tail > EXACT:
            return min(0.0, float(np.log(tail)))
    return float(min(bound, np.log(EXACT)))


def _in_place(matched: int, units: int, length: int) -> NDArray[np.float64]:
    """P(j in place), j < length, of `matched` pairs in a random injection into `units` places (inclusion-exclusion)."""
    most = min(matched, 60)
    i = np.arange(most + 1)
    moments = np.exp(
        gammaln(matched + 1) - gammaln(matched - i + 1) - gammaln(i + 1) + gammaln(units - i + 1) - gammaln(units + 1)
    )
    j = np.arange(min(length, most + 1))
    choose = np.exp(gammaln(i + 1) - gammaln(j[:, None] + 1) - gammaln(np.maximum(i - j[:, None], 0) + 1))
    signed = np.where(i >= j[:, None], choose * (-1.0) ** (i - j[:, None]), 0.0)
    return np.asarray(np.maximum(signed @ moments, 0.0))


def both_log_p(first: float, second: float) -> float:
    """ln of the combined p of two independent tests, from theirs: q (1 - ln q), q their product (Fisher 1932)."""
    total = first + second
    return min(0.0, total + float(np.log1p(-total)))
