"""Neighbour joining of many distance matrices in lock-step, and the splits of what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORKING_BYTES = 4 << 20
TIE = 1e-9
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Joined:
    """r unrooted trees of m leaves, 2m - 3 branches each; leaves are 0..m-1, inner nodes m..2m-3.

    parent: (e,) inner node of each branch, the same for all trees. child: (r, e). length: (r, e), negative where the
    distances are not those of a tree. Children that are inner nodes come after their own branches.
    """

    parent: NDArray[np.int64]
    child: NDArray[np.int64]
    length: Array


def neighbour_joining(distance: NDArray[np.floating]) -> Joined:
    """Neighbour-joining trees of (r, m, m) symmetric finite distances, m >= 3.

    Every matrix is joined as if it were alone, bit for bit: they are taken in lock-step, as many at a time as fit into
    a processor's cache. Lengths are as the method gives them, negative ones too. Ties go to the lowest places. Raises
    ValueError for fewer than 3 leaves. Source: Saitou & Nei 1987, Studier & Keppler 1988.
    """
    count, m = distance.shape[0], distance.shape[-1]
    if m < 3:
        raise ValueError(f"a tree needs three leaves, not {m}")
    step = max(1, WORKING_BYTES // (16 * m * m))
    parts = [_lock_step(distance[at : at + step]) for at in range(0, count, step)]
    parent = np.concatenate([np.repeat(np.arange(m, 2 * m - 3), 2), np.full(3, 2 * m - 3)])
    child = np.concatenate([child for child, _ in parts]) if parts else np.empty((0, parent.size), np.int64)
    length = np.concatenate([length for _, length in parts]) if parts else np.empty((0, parent.size))
    return Joined(parent, child, length)


def _lock_step(distance: NDArray[np.floating]) -> tuple[NDArray[np.int64], Array]:
    """Children and lengths of the branches of each tree, in the order of joining.

    A joined pair's new node takes the place of the lower one, and the last place moves into the gap, so that what is
    left is always the first k places and nothing larger is copied.
    """
    count, m = distance.shape[0], distance.shape[-1]
    matrix = (distance.astype(np.float64) + distance.astype(np.float64).swapaxes(1, 2)) / 2
    buffer = np.empty(count * m * m)
    node = np.tile(np.arange(m), (count, 1))
    child, length = np.empty((count, 2 * m - 3), np.int64), np.empty((count, 2 * m - 3))
    every = np.arange(count)
    for at, k in enumerate(range(m, 3, -1)):
        sums = matrix[:, :k, :k].sum(axis=2)
        i, j = _closest(matrix[:, :k, :k], sums, buffer[: count * k * k].reshape(count, k, k))
        between = matrix[every, i, j]
        left = between / 2 + (sums[every, i] - sums[every, j]) / (2 * (k - 2))
        child[:, 2 * at], child[:, 2 * at + 1] = node[every, i], node[every, j]
        length[:, 2 * at], length[:, 2 * at + 1] = left, between - left
        joined = (matrix[every, i, :k] + matrix[every, j, :k] - between[:, None]) / 2
        matrix[every, i, :k], matrix[every, :k, i] = joined, joined
        matrix[every, i, i] = 0.0
        moved = matrix[every, k - 1, :k]
        matrix[every, j, :k], matrix[every, :k, j] = moved, moved
        matrix[every, j, j] = 0.0
        node[every, j], node[every, i] = node[:, k - 1], m + at
    a, b, c = matrix[:, 0, 1], matrix[:, 0, 2], matrix[:, 1, 2]
    child[:, -3:] = node[:, :3]
    length[:, -3:] = np.stack([a + b - c, a + c - b, b + c - a], axis=1) / 2
    return child, length


def _closest(matrix: Array, sums: Array, criterion: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places i < j of the pair to be joined in each of (r, k, k) matrices; `criterion` is room to work in."""
    k = matrix.shape[-1]
    np.add(sums[:, :, None], sums[:, None, :], out=criterion)
    criterion *= -1 / (k - 2)
    criterion += matrix
    criterion[:, np.arange(k), np.arange(k)] = np.inf
    first, second = np.divmod(criterion.reshape(len(matrix), -1).argmin(axis=1), k)
    return np.minimum(first, second), np.maximum(first, second)


def splits(joined: Joined) -> Iterator[dict[int, int]]:
    """For each tree, inner child node to its split: the bit set of leaves on the side without leaf 0.

    An inner branch of no length stands for a tie that was settled by place: it says nothing, and is left out.
    """
    leaves = (joined.parent.size + 3) // 2
    everything = (1 << leaves) - 1
    for children, lengths in zip(joined.child.tolist(), joined.length, strict=True):
        below = {leaf: 1 << leaf for leaf in range(leaves)}
        for parent, child in zip(joined.parent.tolist(), children, strict=True):
            below[parent] = below.get(parent, 0) | below[child]
        told = np.abs(lengths) > TIE * np.abs(lengths).max(initial=0.0)
        yield {
            child: below[child] if not below[child] & 1 else everything & ~below[child]
            for child, tells in zip(children, told.tolist(), strict=True)
            if child >= leaves and tells
        }
