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
    """(k,) centre and (k,) spread of each row without its highest tenth; NaN where they say nothing.

    scores: (k, m), some rows or all, with NaN where a model meets itself.
    """
    rows, m = scores.shape
    count = np.ones(m) if weight is None else weight
    centre, spread = np.full(rows, np.nan), np.full(rows, np.nan)
    for i, row in enumerate(scores):
        told = np.isfinite(row)
        if count[told].sum() >= LEAST_MODELS - 1 - 1e-9:
            centre[i], spread[i] = _background(row[told], count[told])
    spread[spread <= FLAT * np.abs(centre)] = np.nan
    return centre, spread


def frozen_row(scores: NDArray[np.float64], weight: NDArray[np.float64], pair: tuple[int, int]) -> tuple[float, float]:
    """Slope and offset that take one pair's score to the one that `cohort_normalise` gives it, all others as they are.

    NaN where neither row says anything.
    """
    plain = scores[list(pair)].astype(np.float64)
    plain[[0, 1], list(pair)] = np.nan
    centre, spread = row_statistics(plain, weight)
    sides = [(1 / s, c / s) for c, s in zip(centre, spread, strict=True) if np.isfinite(s)]
    slope, offset = np.mean(sides, axis=0) if sides else (np.nan, np.nan)
    return float(slope), -float(offset)


def population_normalise(scores: NDArray[np.float64], weight: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(m, m) deviations from the population's centre in units of its spread, for scores that rank pairs as they stand.

    NaN entries stay NaN; with fewer than 8 models, or without any spread, everything is NaN.
    """
    centre, spread = population_statistics(scores, weight)
    return np.asarray((scores - centre) / spread)


def population_statistics(
    scores: NDArray[np.float64], weight: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Centre and spread of all pairs without their highest tenth; NaN where they say nothing.

    A pair counts with the product of its two models' weights.
    """
    count = np.ones(scores.shape[0]) if weight is None else weight
    first, second = np.triu_indices_from(scores, 1)
    values, counts = scores[first, second], count[first] * count[second]
    told = np.isfinite(values) & (counts > 0)
    if count.sum() < LEAST_MODELS - 1e-9 or not told.any():
        return float("nan"), float("nan")
    centre, spread = _background(values[told], counts[told])
    return (centre, spread) if spread > FLAT * abs(centre) else (centre, float("nan"))


def _background(values: NDArray[np.float64], count: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted mean and population standard deviation of values without their highest tenth."""
    order = np.argsort(values, kind="stable")
    values, count = values[order], count[order]
    kept = np.cumsum(count) - count < TRIM * count.sum() - 1e-9
    mean = float(np.average(values[kept], weights=count[kept]))
    return mean, float(np.sqrt(np.average((values[kept] - mean) ** 2, weights=count[kept])))
