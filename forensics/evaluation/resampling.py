"""Intervals by resampling families: pairs that share a lineage or a developer are not independent of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, norm
from scipy.stats import t as student

Values = NDArray[np.float64]
REPLICATES = 200
LEVEL = 0.95
LEAST_FAMILIES = 3


def pair_weights(groups: Sequence[tuple[str, str]], *, replicates: int = REPLICATES, seed: int = 0) -> Values:
    """(n, 1+replicates): how often each pair counts; the first column counts every pair once.

    In a replicate the families that occur are drawn with replacement, as many as there are. A pair across two families
    counts the product of how often they were drawn, a pair within one as often as it was drawn. So both sides of a pair
    are resampled. Source: the bootstrap over nodes for dyads (Snijders & Borgatti 1999), its nodes being families.
    """
    names = sorted({name for pair in groups for name in pair})
    place = {name: i for i, name in enumerate(names)}
    sides = np.array([(place[a], place[b]) for a, b in groups], dtype=np.int64).reshape(-1, 2)
    drawn = np.ones((1 + replicates, max(len(names), 1)))
    if names:
        rng = np.random.default_rng(seed)
        drawn[1:] = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=replicates)
    left, right = drawn[:, sides[:, 0]].T, drawn[:, sides[:, 1]].T
    return np.where((sides[:, 0] == sides[:, 1])[:, None], left, left * right)


def interval(found: Values, *, families: int) -> tuple[float, float] | None:
    """The expanded percentile interval of replicates; the first entry is the value itself, which is always inside.

    families: on the related side. Few of them make plain percentiles too narrow, so these are those that a t
    distribution with one degree of freedom less would ask for (Hesterberg 2015, section 4.3). None, that is not
    estimable, with fewer than three families or where fewer than half of the replicates have a value.
    """
    told = found[1:][np.isfinite(found[1:])]
    if families < LEAST_FAMILIES or told.size * 2 < found.size - 1 or not told.size:
        return None
    reach = student.ppf((1 + LEVEL) / 2, families - 1) * np.sqrt(families / (families - 1))
    low, high = np.quantile(told, [norm.cdf(-reach), norm.cdf(reach)])
    return float(min(low, found[0])), float(max(high, found[0]))


def with_rare_events(limits: tuple[float, float] | None, rate: float, n: int) -> tuple[float, float] | None:
    """An interval of a rate among n, no narrower than the exact binomial one (Clopper & Pearson 1934).

    What never happened happens in no resample either, which is no proof that it never will.
    """
    if limits is None:
        return None
    low, high = exact(round(rate * n), n)
    return min(limits[0], low), max(limits[1], high)


def exact(k: int, n: int) -> tuple[float, float]:
    """The exact binomial interval of k among n >= 1, which takes the n for independent (Clopper & Pearson 1934)."""
    tail = (1 - LEVEL) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high
