"""Cohort normalisation: what a pair's score is worth among the other scores of its two models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_MODELS = 8
TRIM = 0.9
FLAT = 1e-9


def cohort_normalise(scores: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(m, m) symmetric z-scores: the mean of the pair's deviations within its two rows.

    Each row's mean and population standard deviation leave out its highest tenth, where a model's relatives are, so
    that a large family does not hide its own members. `weight` (m,) is what each model counts for in a row (copies of
    one model share one); its sum must be at least 8. A row without any spread says nothing, and leaves the pair to the
    other row. NaN entries stay NaN and do not count. With fewer than 8 models
    everything is NaN.
    """
    plain = scores.astype(np.float64, copy=True)
    np.fill_diagonal(plain, np.nan)
    centre, spread = row_statistics(plain, weight)
    deviations = (plain - centre[:, None]) / spread[:, None]
    both = (deviations + deviations.T) / 2
    return np.asarray(np.where(np.isfinite(deviations), np.where(np.isfinite(both), both, deviations), deviations.T))


def row_statistics(
    scores: NDArray[np.float64], weight: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m,) centre and (m,) spread of each row without its highest tenth; NaN where they say nothing.

    scores: with NaN on the diagonal.
    """
    m = scores.shape[0]
    count = np.ones(m) if weight is None else weight
    centre, spread = np.full(m, np.nan), np.full(m, np.nan)
    for i, row in enumerate(scores):
        told = np.isfinite(row)
        if count[told].sum() >= LEAST_MODELS - 1 - 1e-9:
            centre[i], spread[i] = _background(row[told], count[told])
    spread[spread <= FLAT * np.abs(centre)] = np.nan
    return centre, spread


def _background(values: NDArray[np.float64], count: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted mean and population standard deviation of a row without its highest tenth."""
    order = np.argsort(values, kind="stable")
    values, count = values[order], count[order]
    kept = np.cumsum(count) - count < TRIM * count.sum() - 1e-9
    mean = float(np.average(values[kept], weights=count[kept]))
    return mean, float(np.sqrt(np.average((values[kept] - mean) ** 2, weights=count[kept])))
