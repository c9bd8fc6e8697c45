"""Whether a third model explains a pair's likeness: a teacher, a parent or data that the two have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.records import Alternative
from forensics.lineage.sharing import Sharing
from forensics.stats.jackknife import block_sums, jackknife

SURE = 2.0
LEAST_PROMPTS = 20
Values = NDArray[np.float64]


def strongest_alternative(told: Sharing, k: int, models: tuple[str, ...]) -> Alternative | None:
    """The third model that comes nearest to explaining the pair of the questioned and the k-th focus model.

    Along a chain of descent the ends are never more alike than neighbours, so a common source or a step between is at
    least as like each of the two as they are to each other. The margin is ln of the smaller of those two overlaps over
    the pair's own; its error comes from blocks of prompts. models: those that may be named, any behind them in `told`
    are background. None where fewer than 20 prompts are shared.
    """
    q, r = int(told.focus[0]), int(told.focus[k])
    overlap = told.overlap()
    numbers = [np.isfinite(part).astype(np.float64) for part in (overlap[:, 0], overlap[:, k])]
    enough = np.minimum(numbers[0].sum(axis=0), numbers[1].sum(axis=0)) >= LEAST_PROMPTS
    enough[[q, r]] = False
    enough[len(models) :] = False
    if numbers[0][:, r].sum() < LEAST_PROMPTS or not enough.any():
        return None
    sums = [block_sums(part) for part in (overlap[:, 0], numbers[0], overlap[:, k], numbers[1])]
    with np.errstate(divide="ignore", invalid="ignore"):
        margin, error = jackknife(lambda a, n, b, c: _margin(a, n, b, c, r), *sums)
    usable = enough & np.isfinite(margin) & np.isfinite(error)
    if not usable.any():
        return None
    # Ties (copies of one model) go to the one that shares most, whatever the names.
    share = _share(told, k, r)
    best = min(np.flatnonzero(usable).tolist(), key=lambda t: (-round(float(margin[t]), 9), -share[t], t))
    return Alternative(
        models[best],
        float(share[best]),
        float(margin[best]),
        float(error[best]),
        bool(margin[best] + SURE * error[best] >= 0),
        bool(margin[best] - SURE * error[best] > 0),
    )


def _margin(own: Values, own_n: Values, other: Values, other_n: Values, r: int) -> Values:
    """ln of the smaller overlap of each third model with the two, over the overlap of the two."""
    first, second = own / own_n, other / other_n
    return np.asarray(np.log(np.fmin(first, second)) - np.log(first[..., r : r + 1]))


def _share(told: Sharing, k: int, r: int) -> Values:
    """(m,) share of the rare phrases of the pair that each model says too; 0 where the pair shares none."""
    return np.asarray(told.three[:, k].sum(axis=0) / max(float(told.both[:, 0, r].sum()), 1e-12), dtype=np.float64)


def words(found: Alternative | None, reference: str, relation: str) -> str:
    """The sentence on the strongest alternative."""
    if found is None:
        return f"Whether a third model explains the likeness to {reference} is not estimable."
    what = "teacher" if relation == "distilled" else "source"
    share = f"it says {found.share:.0%} of the rare phrases that the two share"
    if found.better:
        return (
            f"{found.model} explains the likeness to {reference} better, a common {what} or a step between ({share})."
        )
    if found.as_good:
        return f"The likeness to {reference} is explained equally well by {found.model} as a common {what} ({share})."
    return f"No third model explains the likeness to {reference} as well; the nearest is {found.model} ({share})."
