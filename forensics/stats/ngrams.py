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
    tokens: NDArray[np.uint64], segment: NDArray[np.int64], n: int, covered: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """64-bit hashes of the n-grams that stay inside one segment, and the segment of each.

    covered: (t,) tokens of which an n-gram that counts holds at most one. tokens, segment: (t,). Empty where no segment
    is n tokens long. Different n give different hashes of the same words.
    """
    length = tokens.size - n + 1
    if length <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    mixed = np.full(length, n, dtype=np.uint64)
    for k in range(n):
        mixed *= np.uint64(MIX[k % 4])
        mixed ^= tokens[k : k + length]
        mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(MIX[0])  # tokens that differ in their last bits alone differ in the first ones too
    inside = segment[:length] == segment[n - 1 :]
    if covered is not None:
        inside &= sum(covered[k : k + length].astype(np.int64) for k in range(n)) < 2
    return mixed[inside], segment[:length][inside]


def among(hashes: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """(n,) whether each hash is one of the known ones, which are sorted."""
    if not known.size:
        return np.zeros(hashes.size, dtype=bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, hashes), known.size - 1)] == hashes)


def cover(
    tokens: NDArray[np.uint64], segment: NDArray[np.int64], known: NDArray[np.uint64], n: int
) -> NDArray[np.bool_]:
    """(t,) the tokens that stand inside one of the known n-grams (sorted hashes)."""
    covered = np.zeros(tokens.size, dtype=bool)
    hashes, _ = gram_hashes(tokens, segment, n)
    length = max(tokens.size - n + 1, 0)
    start = np.flatnonzero(segment[:length] == segment[n - 1 :])[among(hashes, known)]
    covered[start[:, None] + np.arange(n)] = True
    return covered


def gram_counts(
    tokens: NDArray[np.uint64],
    segment: NDArray[np.int64],
    row_of_segment: NDArray[np.int64],
    rows: int,
    orders: Sequence[int],
    covered: NDArray[np.bool_] | None = None,
) -> Grams:
    """Counts of all n-grams of the given orders, by row; several segments (samples) of a row are added up.

    covered: as in `gram_hashes`.
    """
    parts = [gram_hashes(tokens, segment, n, covered) for n in orders]
    row = row_of_segment[np.concatenate([s for _, s in parts])].astype(np.uint64)
    # One sort of hashes that bear their row in the last bits groups the n-grams, and the rows within each.
    bits = np.uint64(max(rows - 1, 1).bit_length())
    key = np.concatenate([h for h, _ in parts]) >> bits << bits | row
    key.sort()
    first = np.flatnonzero(np.diff(key, prepend=~key[:1]))
    gram = key[first] >> bits
    start = np.flatnonzero(np.diff(gram, prepend=~gram[:1]))
    pointer = np.append(start, gram.size)
    counted = np.diff(first, append=key.size).astype(np.float32)
    held = (key[first] & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int32)
    counts = sparse.csc_matrix((counted, held, pointer), shape=(rows, start.size)).tocsr()
    return Grams(counts, np.diff(pointer).astype(np.int64))
