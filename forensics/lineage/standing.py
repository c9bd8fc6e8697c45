"""Where one pair stands among all pairs of a population, on one score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 40


@dataclass(frozen=True, slots=True)
class Standing:
    """One pair's score among those of all estimable pairs.

    value: None where it is not estimable, and rank and share then too. rank: 1 is the most alike. share: of all pairs,
    itself included, that are at least as alike, in (0, 1]. pairs: how many are estimable, of `of`. edges, counts: a
    histogram of them (empty where there is none); bin: the pair's own.
    """

    value: float | None
    rank: int | None
    share: float | None
    pairs: int
    of: int
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    bin: int | None


def standing(matrix: NDArray[np.float64], pair: tuple[int, int], *, bins: int = BINS) -> Standing:
    """Where the pair stands in a symmetric (m, m) matrix of scores; NaN is not estimable and does not count."""
    first, second = np.triu_indices(len(matrix), k=1)
    every = matrix[first, second]
    known = every[np.isfinite(every)]
    own = float(matrix[pair])
    if not known.size or not np.isfinite(own):
        edges, counts = _histogram(known, bins)
        return Standing(None, None, None, int(known.size), int(every.size), edges, counts, None)
    edges, counts = _histogram(known, bins)
    place = int(np.clip(np.searchsorted(edges, own, side="right") - 1, 0, len(counts) - 1))
    alike = int((known >= own).sum())
    rank = int((known > own).sum()) + 1
    return Standing(own, rank, alike / known.size, int(known.size), int(every.size), edges, counts, place)


def _histogram(known: NDArray[np.float64], bins: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
    if not known.size:
        return (), ()
    counts, edges = np.histogram(known, bins=bins)
    return tuple(map(float, edges)), tuple(map(int, counts))


def nearest(matrix: NDArray[np.float64], place: int, *, most: int = 5) -> tuple[tuple[int, float], ...]:
    """The models most alike one model on a score, as (index, score), the most alike first."""
    row = np.where(np.arange(len(matrix)) == place, np.nan, matrix[place])
    order = np.argsort(np.where(np.isfinite(row), -row, np.inf), kind="stable")
    return tuple((int(k), float(row[k])) for k in order[:most] if np.isfinite(row[k]))
