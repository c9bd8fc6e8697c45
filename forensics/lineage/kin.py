"""What the scores of a pair come to before any calibration: fused similarity, contrast, rank and distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

KIN = ("agreement", "agreement_cosine")


def fuse_kin(scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """The fused similarity: the mean of the cohort-normalised agreement statistics; NaN where neither is estimable."""
    parts = np.stack([scores[name] for name in KIN]).astype(np.float64)
    finite = np.isfinite(parts)
    return np.asarray(
        np.where(finite.any(axis=0), np.where(finite, parts, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1), np.nan)
    )


def contrast(scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Same base against same recipe: rare phrases speak for a base, stock openings and closings for a recipe."""
    return np.asarray(scores["agreement"] - (scores["style_openings"] + scores["style_closings"]) / 2)


def background_p(kin: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, m) p-values: the rank of a pair's kin among the other pairs of its two models, the larger of the two.

    (1 + pairs at least as alike) / (1 + other pairs): in (0, 1], never 0; NaN where kin is.
    """
    m = kin.shape[0]
    p = np.full((m, m), np.nan)
    for i, row in enumerate(kin):
        values = np.sort(row[np.isfinite(row)])
        at_least = values.size - np.searchsorted(values, row, side="left")
        p[i] = np.where(np.isfinite(row), at_least / max(values.size, 1), np.nan)
    return np.asarray(np.fmax(p, p.T))


def distances(kin: NDArray[np.floating]) -> NDArray[np.float64]:
    """Softplus of minus the fused similarity: near 0 for close kin, growing evenly among the unrelated."""
    distance = np.log1p(np.exp(-np.clip(kin.astype(np.float64), -500, 500)))
    for matrix in distance.reshape(-1, *distance.shape[-2:]):
        np.fill_diagonal(matrix, 0.0)
    return np.asarray(distance)
