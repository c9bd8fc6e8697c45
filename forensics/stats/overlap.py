"""Similarity of rows of n-gram counts within one prompt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.stats.ngrams import Grams

RARE_SHARE = 0.1
SMOOTHING = 5.0
Square = NDArray[np.float64]


def rare_limit(models: float, least: float = 2.0) -> float:
    """The most models that may hold what is rare among k of them: a tenth, and `least` in a small population."""
    return max(least, float(np.floor(RARE_SHARE * models))) + 1e-9


def rare_weights(df: NDArray[np.int64], weighted: Square, models: float) -> Square:
    """(g,) weight of each n-gram: 1/(df-1) where 2 <= df <= max(2, k/10), else 0.

    What a row shares with df-1 others speaks for each of them alike. df: rows that hold it. weighted, models: df and k
    counted in the rows' weights, where copies of one model share one.
    """
    kept = (df >= 2) & (weighted <= rare_limit(models))
    return np.where(kept, 1 / np.maximum(weighted - 1, 1.0), 0.0)


def shared_by(
    pair: tuple[int, int], hashes: NDArray[np.uint64], row: NDArray[np.int64], weight_of_row: Square
) -> tuple[NDArray[np.uint64], Square, Square]:
    """What two rows share: (s,) distinct n-grams in both, sorted, their `rare_weights`, and (2,) how many each says.

    hashes, row: (n,) every n-gram of every row, as often as it is said. weight_of_row: as in `rare_overlap`. For one
    pair this is many times as fast as the whole matrix: only what one of the two says is looked up.
    """
    own = [np.unique(hashes[row == r]) for r in pair]
    sizes = np.array([mine.size for mine in own], dtype=np.float64)
    shared = np.intersect1d(own[0], own[1], assume_unique=True)
    if not shared.size:
        return shared, np.zeros(0), sizes
    place = np.minimum(np.searchsorted(shared, hashes), shared.size - 1)
    hit = shared[place] == hashes
    holds = np.zeros((weight_of_row.size, shared.size), dtype=bool)
    holds[row[hit], place[hit]] = True
    return shared, rare_weights(holds.sum(axis=0), weight_of_row @ holds, float(weight_of_row.sum())), sizes


def overlap_scale(sizes: Square) -> float:
    """What the weight that two rows of so many distinct n-grams share is multiplied by to be their overlap."""
    return float(1 / np.sqrt(np.prod(sizes + SMOOTHING)))


def rare_overlap(grams: Grams, weight_of_row: NDArray[np.float64] | None = None) -> Square:
    """(k, k) rare-phrase overlap O of the k rows: what few others say too, over what each says at all.

    n-grams count with their `rare_weights`; O_ij is the weight shared over sqrt((n_i+5)(n_j+5)), n being all distinct
    n-grams of a row. Non-negative; 0 for an empty row. Where rows have a weight (copies of one model share one), k and
    the upper limit and weight of df are counted in weights.
    """
    rows = np.ones(grams.counts.shape[0]) if weight_of_row is None else weight_of_row
    present = grams.counts.copy()
    present.data = np.ones_like(present.data)
    weight = rare_weights(grams.df, np.asarray(present.T @ rows), float(rows.sum()))
    distinct = np.diff(present.indptr)
    kept = weight > 0
    shared = present[:, kept] @ sparse.diags(np.sqrt(weight[kept]).astype(np.float32))
    scale = 1 / np.sqrt(distinct + SMOOTHING)
    overlap = (shared @ shared.T).toarray() * scale[:, None] * scale[None]
    return np.asarray(overlap, dtype=np.float64)


def centred_cosine(
    grams: Grams, weight_of_row: NDArray[np.float64] | None = None, among: NDArray[np.int64] | None = None
) -> Square:
    """(k, k) cosine of the rows' tf-idf after subtracting the mean row, in [-1, 1].

    tf is ln(1+count), idf ln((k+1)/df), n-grams with df <= 1 are left out, rows have unit length before centring.
    A row without n-grams is all mean, and is like nothing: 0. Where rows have a weight (copies of one model share one),
    k, df and the mean are counted in weights. among: of these rows only.
    """
    k = grams.counts.shape[0]
    rows = np.ones(k) if weight_of_row is None else weight_of_row
    heard = np.asarray(grams.counts.astype(bool).T @ rows)
    kept = heard > 1 + 1e-9
    unit, df = grams.counts[:, kept].astype(np.float64), heard[kept]
    row = np.repeat(np.arange(k), np.diff(unit.indptr))
    unit.data = np.log1p(unit.data) * np.log((rows.sum() + 1) / df)[unit.indices]
    lengths = np.sqrt(np.bincount(row, unit.data**2, minlength=k))
    empty = lengths == 0
    unit.data /= lengths[row]
    mean = np.bincount(unit.indices, unit.data * rows[row], minlength=unit.shape[1]) / rows.sum()
    unit, empty = (unit, empty) if among is None else (unit[among], empty[among])
    along = unit @ mean
    inner = (unit @ unit.T).toarray() - along[:, None] - along[None] + mean @ mean
    size = np.sqrt(np.clip(np.diag(inner), 1e-12, None))
    cosine = inner / size[:, None] / size[None]
    cosine[empty] = cosine[:, empty] = 0.0
    return np.asarray(np.clip(cosine, -1.0, 1.0))
