"""Standard errors by leaving out one block of prompts at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

BLOCKS = 20
Values = NDArray[np.float64]


def block_sums(values: NDArray[np.floating], blocks: int = BLOCKS) -> Values:
    """(b, ...) sums over the first axis by block: rows n, n + b, ... belong together. NaN counts as nothing."""
    count = max(1, min(blocks, len(values)))
    filled = np.where(np.isfinite(values), values, 0.0)
    return np.stack([filled[k::count].sum(axis=0, dtype=np.float64) for k in range(count)])


def jackknife(statistic: Callable[..., Values], *sums: Values) -> tuple[Values, Values]:
    """The statistic of the totals of block sums, and its standard error; NaN error with fewer than two blocks.

    statistic takes totals with one leading axis less than `sums` (b, ...) have, and is called with a leading axis of
    replicates. Source: Busing, Meijer and van der Leeden 1999, equal blocks.
    """
    whole = statistic(*(part.sum(axis=0) for part in sums))
    blocks = len(sums[0])
    if blocks < 2:
        return whole, np.full(np.shape(whole), np.nan)
    left_out = statistic(*(part.sum(axis=0) - part for part in sums))
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    return whole, np.asarray(np.sqrt((blocks - 1) / blocks * spread))
