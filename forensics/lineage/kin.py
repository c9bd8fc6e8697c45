"""What the scores of a pair come to before any calibration: fused similarity, contrast, rank and distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.cohort import population_normalise

KIN = ("agreement", "agreement_cosine")


def fuse_kin(scores: Mapping[str, NDArray[np.floating]]) -> NDArray[np.float64]:
    """The fused similarity: the mean of the cohort-normalised agreement statistics; NaN where neither is estimable."""
    parts = np.stack([scores[name] for name in KIN]).astype(np.float64)
    finite = np.isfinite(parts)
    return np.asarray(
        np.where(finite.any(axis=0), np.where(finite, parts, 0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1), np.nan)
    )


def contrast(
    scores: Mapping[str, NDArray[np.float64]], witness: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Same base against same recipe: rare phrases speak for a base, stock closings for a recipe.

    Both in units of the population's spread; witness: (m,) what each model counts for in it.
    """
    base, recipe = (population_normalise(scores[name], witness) for name in ("agreement", "style_closings"))
    return np.asarray(base - recipe)


def background_p(kin: NDArray[np.float64]) -> NDArray[np.float64]:
    """(m, m) p-values of each pair's kin against all other pairs of the population.

    (1 + other pairs at least as alike) / (1 + other pairs): in (0, 1], never 0; NaN where kin is. Related pairs are
    among the others, so it errs on the side of none.
    """
    values = np.sort(kin[np.triu_indices_from(kin, 1)])
    values = values[np.isfinite(values)]
    at_least = values.size - np.searchsorted(values, kin, side="left")
    return np.asarray(np.where(np.isfinite(kin), at_least / max(values.size, 1), np.nan))


def distances(kin: NDArray[np.floating]) -> NDArray[np.float64]:
    """(m, m) distances: how far the pair's fused similarity falls short of the closest pair's.

    ln of an overlap falls about evenly with divergence, so that its cohort-normalised form is near additive along a
    tree. Zero on the diagonal and for the closest pair, NaN where kin is.
    """
    plain = kin.astype(np.float64)
    finite = plain[np.isfinite(plain)]
    distance = (finite.max() if finite.size else 0.0) - plain
    np.fill_diagonal(distance, 0.0)
    return np.asarray(distance)
