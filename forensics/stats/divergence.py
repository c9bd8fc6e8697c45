"""Divergences between discrete distributions that are known only in part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_NUMBERS = 4_000_000


def _entropy_terms(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """-p log2 p elementwise, 0 at 0."""
    terms: NDArray[np.float64] = -p * np.log2(np.where(p > 0, p, 1.0))
    return terms


def _filled(
    p: NDArray[np.float64], least: NDArray[np.float64], own: NDArray[np.bool_], other: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """`p` where a row lists a token, its least value where only the other row does, each sum scaled to 1."""
    full = np.where(own, p, np.where(other, least, 0.0))
    scaled: NDArray[np.float64] = full / np.maximum(full.sum(-1, keepdims=True), np.finfo(np.float64).tiny)
    return scaled


def pairwise_jensen_shannon(p: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence of every pair of rows, in bits: (m, m) symmetric, in [0, 1], 0 on the diagonal.

    p: (m, t) probabilities, of which only those with `present` (m, t) are known (a top-k list). A token that one row
    of a pair lists and the other does not counts there as that row's least listed probability; tokens that neither
    lists are left out; both are then scaled to sum 1. So a pair's value does not depend on the other rows. A row
    that lists nothing gives NaN. Source: Lin 1991, eq. 4.1, with equal weights.
    """
    m, t = p.shape
    result = np.zeros((m, m))
    least = np.where(present, p, np.inf).min(1, initial=np.inf)[:, None]
    least[~np.isfinite(least)] = 0.0
    block = max(1, MOST_NUMBERS // max(1, m * t))
    for at in range(0, m, block):
        rows = slice(at, at + block)
        one = _filled(p[rows, None], least[rows, None], present[rows, None], present[None])
        two = _filled(p[None], least[None], present[None], present[rows, None])
        mixed = _entropy_terms((one + two) / 2)
        result[rows] = (mixed - (_entropy_terms(one) + _entropy_terms(two)) / 2).sum(-1)
    empty = ~present.any(1)
    result = np.clip((result + result.T) / 2, 0.0, 1.0)
    result[empty] = result[:, empty] = np.nan
    np.fill_diagonal(result, 0.0)
    return result
