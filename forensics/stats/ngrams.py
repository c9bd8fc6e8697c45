"""N-grams of hashed tokens, for all rows of a population at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)


@dataclass(frozen=True)
class Grams:
    """Counts of n-grams by row: a CSR matrix (rows, distinct n-grams) and `df`, rows that hold each n-gram."""

    counts: sparse.csr_matrix
    df: NDArray[np.int64]


def gram_hashes(
    tokens: NDArray[np.uint64], segment: NDArray[np.int64], n: int
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """64-bit hashes of the n-grams that stay inside one segment, and the segment of each.

    tokens, segment: (t,). Empty where no segment is n tokens long. Different n give different hashes of the same words.
    """
    length = tokens.size - n + 1
    if length <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    mixed = np.full(length, n, dtype=np.uint64)
    for k in range(n):
        mixed *= np.uint64(MIX[k % 4])
        mixed ^= tokens[k : k + length]
        mixed ^= mixed >> np.uint64(29)
    inside = segment[:length] == segment[n - 1 :]
    return mixed[inside], segment[:length][inside]


def gram_counts(
    tokens: NDArray[np.uint64],
    segment: NDArray[np.int64],
    row_of_segment: NDArray[np.int64],
    rows: int,
    orders: Sequence[int],
) -> Grams:
    """Counts of all n-grams of the given orders, by row; several segments (samples) of a row are added up."""
    parts = [gram_hashes(tokens, segment, n) for n in orders]
    hashes = np.concatenate([h for h, _ in parts])
    row = row_of_segment[np.concatenate([s for _, s in parts])]
    _, column = np.unique(hashes, return_inverse=True)
    width = int(column.max()) + 1 if column.size else 0
    counts = sparse.coo_matrix((np.ones(row.size, np.float32), (row, column)), shape=(rows, width)).tocsr()
    counts.sum_duplicates()
    return Grams(counts, np.bincount(counts.indices, minlength=width).astype(np.int64))
