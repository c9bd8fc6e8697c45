"""The upper tail of a sample that holds some values of another kind on top."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

LEAST = 100
SHARE = 0.3
CUT = 0.02
ROUNDS = 50
SMALLEST = 1e-6


def tail_p(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values of `at` under the bulk of `values`, in (0, 1]; NaN where `at` is, and all where no value is finite.

    Up to the start of the tail, and everywhere with fewer than 100 values, a rank: (1 + values at least as large) /
    (1 + values). Beyond it an exponential, fitted to the top three tenths below a cut and truncated there; the cut is
    where that exponential leaves 2 % of the bulk, and is found by repetition, so that a few large values of another
    kind do not make the tail longer. Never below 1e-6, since nobody has seen so much of a background.
    """
    told = np.sort(values[np.isfinite(values)])
    if not told.size:
        return np.full(at.shape, np.nan)
    rank = (1 + told.size - np.searchsorted(told, at, side="left")) / (1 + told.size)
    if told.size >= LEAST:
        start, scale = exponential_tail(told)
        with np.errstate(over="ignore"):
            beyond = SHARE * np.exp(-(at - start) / scale)
        rank = np.where(at > start, np.minimum(beyond, SHARE), rank)
    return np.asarray(np.where(np.isfinite(at), np.maximum(rank, SMALLEST), np.nan))


def exponential_tail(ordered: NDArray[np.float64]) -> tuple[float, float]:
    """Start and scale of the exponential tail of ascending values without those beyond the cut."""
    cut = float(np.quantile(ordered, 0.95))
    start = scale = 0.0
    for _ in range(ROUNDS):
        bulk = ordered[ordered < cut]
        start = float(np.quantile(bulk, 1 - SHARE)) if bulk.size else cut
        scale = _truncated_scale(bulk[bulk > start] - start, cut - start)
        moved = start + scale * math.log(SHARE / CUT)
        if abs(moved - cut) < 1e-9:
            break
        cut = moved
    return start, scale


def _truncated_scale(excess: NDArray[np.float64], width: float) -> float:
    """Scale of an exponential seen only below `width`, by maximum likelihood: mean = s - width / (e^(width/s) - 1)."""
    mean = float(excess.mean()) if excess.size else 0.0
    # At half the width the likelihood has no maximum: nothing bends, and the plain width stands in.
    if mean <= 0 or mean >= 0.45 * width:
        return max(width, 1e-9)
    scale = mean
    for _ in range(ROUNDS):
        scale = mean + width / math.expm1(min(width / scale, 700.0))
    return scale
