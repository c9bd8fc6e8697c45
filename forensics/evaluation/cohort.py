"""Cohort normalisation: what a pair's score is worth among the other scores of its two models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_MODELS = 8
TRIM = 0.9


def cohort_normalise(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, m) symmetric z-scores: the mean of the pair's deviations within its two rows.

    Each row's mean and population standard deviation leave out its highest tenth, where a model's relatives are, so
    that a large family does not hide its own members. NaN entries stay NaN and do not count. With fewer than 8 models
    everything is NaN.
    """
    m = scores.shape[0]
    if m < LEAST_MODELS:
        return np.full((m, m), np.nan)
    plain = scores.astype(np.float64, copy=True)
    np.fill_diagonal(plain, np.nan)
    usable = np.isfinite(plain).sum(axis=1) >= LEAST_MODELS - 1
    centre, spread = np.full(m, np.nan), np.full(m, np.nan)
    if usable.any():
        rows = plain[usable]
        background = np.where(rows <= np.nanquantile(rows, TRIM, axis=1, keepdims=True), rows, np.nan)
        centre[usable], spread[usable] = np.nanmean(background, axis=1), np.nanstd(background, axis=1)
    spread[spread == 0] = np.nan
    deviations = (plain - centre[:, None]) / spread[:, None]
    return np.asarray((deviations + deviations.T) / 2)
