"""What each observation adds to the cosine of two mean vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def cosine_influence(
    means: NDArray[np.float64], own: Sequence[Sequence[Any]], averages: Sequence[NDArray[np.floating]]
) -> NDArray[np.float64]:
    """(n,) values whose mean is the cosine of two mean vectors, and which say how far it falls without each of n
    observations: by (value - cosine) / (n - 1), to first order (the infinitesimal jackknife, Efron 1982).

    means: (2, k) the vectors, each the mean of what it was observed on less `averages`, up to a constant vector. own:
    for each of the two, n vectors (1-d, or one row of a sparse matrix), or None where it was not observed. averages: n
    vectors. A vector of length 0 gives NaN.
    """
    lengths = np.linalg.norm(means, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = means / lengths[:, None]
        cosine = float(unit[0] @ unit[1])
        slopes = (unit[::-1] - cosine * unit) / lengths[:, None]
    values = np.full(len(averages), cosine)
    for slope, told in zip(slopes, own, strict=True):
        seen = np.array([vector is not None for vector in told])
        along = np.array(
            [np.nan if v is None else np.sum(v @ slope) - a @ slope for v, a in zip(told, averages, strict=True)]
        )
        # A constant that was taken off every observation drops out of their deviations.
        values[seen] += len(averages) / seen.sum() * (along[seen] - along[seen].mean())
    return values
