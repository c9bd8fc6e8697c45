"""How alike two linear maps are on the same inputs, whatever orthogonal change of their outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 4


def unbiased_cka(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Centred kernel alignment of two (n, n) Gram matrices over the same inputs, by the unbiased estimate of HSIC.

    In about [-1, 1]; 1 for the same map up to rotation and scale, 0 on average for maps that have nothing to do with
    each other. NaN below four inputs or where one map is constant. Song et al. 2012 eq. 5; Kornblith et al. 2019; for
    query and key weights: AWM (Zeng et al. 2025).
    """
    if len(one) < LEAST:
        return float("nan")
    own, their = unbiased_hsic(one, one), unbiased_hsic(other, other)
    if not (own > 0 and their > 0):
        return float("nan")
    return unbiased_hsic(one, other) / float(np.sqrt(own * their))


def unbiased_hsic(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The unbiased estimate of the Hilbert-Schmidt independence criterion from two (n, n) Gram matrices, n >= 4."""
    n = len(one)
    a, b = one.astype(np.float64), other.astype(np.float64)
    np.fill_diagonal(a, 0.0)
    np.fill_diagonal(b, 0.0)
    shared = float((a * b).sum())
    level = float(a.sum() * b.sum()) / ((n - 1) * (n - 2))
    rows = 2 * float(a.sum(axis=0) @ b.sum(axis=0)) / (n - 2)
    return (shared + level - rows) / (n * (n - 3))
