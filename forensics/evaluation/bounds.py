"""How strong a likelihood ratio the calibration data can carry."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
STRANGERS = 0.02
"""The share of descendants taken to look like strangers, retrained until nothing is alike; no fit shows it."""
LOOSEST_LOWER = math.log10(STRANGERS)
STEP = 0.01


def _expected_utility_ratio(related: Values, unrelated: Values, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Utility of always answering neutrally over that of the system, one misleading LR added to each side."""
    above_related = related.size - np.searchsorted(np.sort(related), at, side="right")
    above_unrelated = unrelated.size - np.searchsorted(np.sort(unrelated), at, side="right")
    odds = 10.0**at
    system = 1 - above_related / (related.size + 1) + odds * (above_unrelated + 1) / (unrelated.size + 1)
    neutral = np.where(at < 0, odds, 1.0)
    return np.asarray(neutral / system)


def elub(related: Values, unrelated: Values) -> tuple[float, float]:
    """Empirical lower and upper bound (log10 LR) beyond which an LR would be extrapolation, in steps of 0.01.

    related, unrelated: calibrated log10 LRs. (0, 0) where the system never helps. Source: Vergeer, van Es, de Jongh,
    Alberink and Stoel 2016, Science & Justice 56, with one consequential misleading LR added to each side.
    """
    values = np.clip(np.concatenate([related, unrelated]), -9, 9)
    low = max(values.min(), -math.log10(related.size + 1))
    high = min(values.max(), math.log10(unrelated.size + 1))
    first, last = min(0, int(low // STEP)), max(0, int(high // STEP) + 1)
    at = np.linspace(first * STEP, last * STEP, last - first + 1)
    ratio = _expected_utility_ratio(np.clip(related, -9, 9), np.clip(unrelated, -9, 9), at)
    bad_left, bad_right = at[(at <= 0) & (ratio < 1)], at[(at >= 0) & (ratio < 1)]
    lower = min(float(np.max(bad_left + STEP, initial=at[0])), 0.0)
    upper = max(float(np.min(bad_right - STEP, initial=at[-1])), 0.0)
    return lower, upper


def invariance(related: Values, unrelated: Values) -> tuple[float, float]:
    """Bounds (log10 LR) within which the LR of an LR is still the LR, in steps of 0.001 (Alberink et al. 2025).

    Shares above and below each threshold are estimated with Jeffreys' prior; the bound is the last threshold, going out
    from 0, at which the observed ratio of shares is at least the LR claimed. Where it never falls short, the largest
    value of a related pair above, the least of an unrelated one below.
    """
    values = np.concatenate([related, unrelated])
    at = np.arange(min(0.0, values.min()), max(0.0, values.max()) + 0.001, 0.001)
    above_related = (related.size - np.searchsorted(np.sort(related), at) + 0.5) / (related.size + 1)
    above_unrelated = (unrelated.size - np.searchsorted(np.sort(unrelated), at) + 0.5) / (unrelated.size + 1)
    short_high = np.flatnonzero((np.log10(above_related / above_unrelated) < at) & (at > 0))
    short_low = np.flatnonzero((np.log10((1 - above_related) / (1 - above_unrelated)) > at) & (at < 0))
    upper = float(at[short_high[0] - 1]) if short_high.size else float(related.max())
    lower = float(at[short_low[-1] + 1]) if short_low.size else float(unrelated.min())
    return min(lower, 0.0), max(upper, 0.0)


def combined(related: Values, unrelated: Values, families: int) -> tuple[float, float]:
    """The bounds (log10 LR) that a report uses: the tightest of ELUB, IV and N above, ELUB's below, never under 0.02.

    families: N, the number of independent families with positives in the calibration. Little similarity is weak
    evidence of no lineage, hence the floor.
    """
    lower, upper = elub(related, unrelated)
    return max(lower, LOOSEST_LOWER), min(upper, invariance(related, unrelated)[1], math.log10(max(families, 1)))
