"""What each observation adds to the cosine of two mean vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]


def cosine_influence(
    means: NDArray[np.float64], own: Sequence[Sequence[Vectors | None]], averages: Vectors
) -> NDArray[np.float64]:
    """(n,) values whose mean is the cosine of two mean vectors, and which say how far it falls without each of n
    observations: by (value - cosine) / (n - 1), to first order (the infinitesimal jackknife, Efron 1982).

    means: (2, k) the vectors, each the mean of what it was observed on less `averages`, up to a constant vector. own:
    for each of the two, n vectors or None where it was not observed. averages: (n, k). 0 vectors give NaN.
    """
    lengths = np.linalg.norm(means, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = means / lengths[:, None]
        cosine = float(unit[0] @ unit[1])
        slopes = (unit[::-1] - cosine * unit) / lengths[:, None]
    values = np.full(len(averages), cosine)
    for slope, told in zip(slopes, own, strict=True):
        seen = np.array([vector is not None for vector in told])
        along = np.array([np.nan if vector is None else vector @ slope for vector in told]) - averages @ slope
        # A constant that was taken off every observation drops out of their deviations.
        values[seen] += len(averages) / seen.sum() * (along[seen] - along[seen].mean())
    return values
