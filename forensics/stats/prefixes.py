"""How far replies to one prompt run together from their first word."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.stats.ngrams import MIX

DEPTH = 60
Square = NDArray[np.float64]


def common_prefix(
    tokens: NDArray[np.uint64], segment: NDArray[np.int64], row_of_segment: NDArray[np.int64], rows: int
) -> Square:
    """(k, k) ln(1 + tokens in common from the start), at most 60, mean over the replies of both rows.

    ln(1 + l) is the sum of ln((d + 1) / d) over the depths d <= l at which both still run together, so the whole
    matrix is one product over (depth, prefix) cells. Two empty replies have nothing in common: 0.
    """
    segments = row_of_segment.size
    lengths = np.minimum(np.bincount(segment, minlength=segments), DEPTH)
    start = np.searchsorted(segment, np.arange(segments))
    running = np.full(segments, MIX[0], dtype=np.uint64)
    cells: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    shares: list[NDArray[np.float64]] = []
    width, replies = 0, np.bincount(row_of_segment, minlength=rows)
    for depth in range(1, DEPTH + 1):
        going = np.flatnonzero(lengths >= depth)
        mixed = (running[going] ^ tokens[start[going] + depth - 1]) * np.uint64(MIX[1])
        running[going] = mixed ^ (mixed >> np.uint64(29))
        _, prefix, held = np.unique(running[going], return_inverse=True, return_counts=True)
        together = held[prefix] > 1
        lengths[going[~together]] = 0
        going, owner = going[together], row_of_segment[going[together]]
        if not going.size:
            break
        cells.append(width + prefix[together])
        owners.append(owner)
        shares.append(np.sqrt(np.log1p(1 / depth)) / replies[owner])
        width += held.size
    if not cells:
        return np.zeros((rows, rows))
    cell = (np.concatenate(shares), (np.concatenate(owners), np.concatenate(cells)))
    table = sparse.coo_matrix(cell, shape=(rows, width)).tocsr()
    return np.asarray((table @ table.T).toarray(), dtype=np.float64)


def less_mean(similarity: Square, weight: NDArray[np.float64]) -> Square:
    """(k, k) the similarities less the mean over pairs of different rows, each row counted with its weight.

    Unchanged where the weights leave no pair.
    """
    inside = float(weight @ weight)
    pairs = float(weight.sum()) ** 2 - inside
    if pairs <= 1e-9:
        return similarity
    total = float(weight @ similarity @ weight) - float((np.diag(similarity) * weight**2).sum())
    return np.asarray(similarity - total / pairs)
