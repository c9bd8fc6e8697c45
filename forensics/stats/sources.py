"""How a model divides among sources, from divergences alone: the nearest mixture of points known by their distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Values = NDArray[np.float64]


def mixture_residual(own: Values, between: Values) -> float:
    """The squared distance that the nearest mixture of k sources leaves unexplained; infinite without a source.

    own: (k,) squared distances of the point to each source, between: (k, k) those of the sources, 0 on the diagonal.
    A mean Jensen-Shannon divergence is such a distance: its root embeds in a Hilbert space (Endres and Schindelin 2003;
    Fuglede and Topsoe 2004). Weights are non-negative and sum to 1. With the point as origin, sources have inner
    products (own_i + own_j - between_ij) / 2, so that the nearest mixture is the point of least norm in their hull;
    what makes them indefinite (divergences known in part) is left out.
    """
    if not own.size:
        return float("inf")
    inner = (own[:, None] + own[None] - between) / 2
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    scale = max(float(root.max()), float(np.finfo(np.float64).tiny))
    # Least squares with one more row asking for sum 1 has its solution along the point of least norm (Wolfe 1976).
    weights, _ = nnls(np.vstack([root / scale, np.ones(own.size)]), np.append(np.zeros(own.size), 1.0))
    weights /= weights.sum()
    return float(((root @ weights) ** 2).sum())


def gains(own: Values, between: Values, groups: NDArray[np.int64]) -> Values:
    """(g,) ln of how much more is unexplained without each group of sources: 0 for one that is not needed.

    groups: (k,) the group of each source, 0 to g - 1. Infinite for the only group; NaN where nothing is unexplained.
    Source: the drop-one test of regression, on mixtures.
    """
    whole = mixture_residual(own, between)
    found = np.full(int(groups.max(initial=-1)) + 1, np.nan)
    for group in range(found.size) if whole > 0 else ():
        left = groups != group
        found[group] = np.log(mixture_residual(own[left], between[np.ix_(left, left)]) / whole)
    return np.asarray(np.maximum(found, 0.0))
