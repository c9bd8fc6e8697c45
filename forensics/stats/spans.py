"""Long runs of tokens that few rows of one prompt share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.stats.ngrams import gram_hashes
from forensics.stats.overlap import SMOOTHING, rare_limit

Hashes = NDArray[np.uint64]
KEPT_OF = np.uint64(4)
BOILERPLATE = 3
BOILERPLATE_SHARE = 0.01


@dataclass(frozen=True)
class Shared:
    """What several of k rows of one prompt hold. rows: (k,) int64 models. size: (k,) how many things each row holds at
    all. share: (k, g) CSR, the share of a row's samples (or 1) for each thing that at least two rows hold. hashes: (g,)
    """

    rows: NDArray[np.int64]
    size: NDArray[np.float64]
    share: sparse.csr_matrix
    hashes: Hashes

    def without(self, dropped: Hashes) -> Shared:
        """The same without some things."""
        kept = ~np.isin(self.hashes, dropped)
        return Shared(self.rows, self.size, self.share[:, kept], self.hashes[kept])


def _shared(rows: NDArray[np.int64], row: NDArray[np.int64], hashes: Hashes, value: NDArray[np.float64]) -> Shared:
    distinct, column = np.unique(hashes, return_inverse=True)
    table = sparse.coo_matrix((value, (row, column)), shape=(rows.size, distinct.size)).tocsr()
    table.sum_duplicates()
    several = np.bincount(table.indices, minlength=distinct.size) > 1
    return Shared(rows, np.diff(table.indptr).astype(np.float64), table[:, several], distinct[several])


def runs(
    rows: NDArray[np.int64],
    tokens: Hashes,
    segment: NDArray[np.int64],
    row_of_segment: NDArray[np.int64],
    asked: Hashes,
    length: int,
) -> Shared:
    """Runs of `length` tokens that several rows hold and the prompt's own tokens `asked` do not.

    One run in four is kept, chosen by its hash and so the same in every row: a copied passage of `length` + 3 tokens
    has on average one that is.
    """
    hashes, where = gram_hashes(tokens, segment, length)
    prompt, _ = gram_hashes(asked, np.zeros(asked.size, dtype=np.int64), length)
    kept = (hashes % KEPT_OF == 0) & ~np.isin(hashes, prompt)
    found = _shared(rows, row_of_segment[where[kept]], hashes[kept], np.ones(int(kept.sum())))
    found.share.data[:] = 1.0
    return found


def replies(
    rows: NDArray[np.int64],
    tokens: Hashes,
    segment: NDArray[np.int64],
    row_of_segment: NDArray[np.int64],
    least: int,
) -> Shared:
    """Whole replies of at least `least` tokens that several rows gave word for word, as shares of a row's samples."""
    lengths = np.bincount(segment, minlength=row_of_segment.size)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    place = (np.arange(tokens.size) - starts[segment]).astype(np.uint64) + np.uint64(1)
    mixed = (tokens ^ (place * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xC2B2AE3D27D4EB4F)
    total = np.concatenate([[np.uint64(0)], np.cumsum(mixed ^ (mixed >> np.uint64(29)), dtype=np.uint64)])
    hashes = total[starts + lengths] - total[starts]
    samples = np.bincount(row_of_segment, minlength=rows.size)
    long = lengths >= least
    owner = row_of_segment[long]
    return _shared(rows, owner, hashes[long], 1.0 / samples[owner])


def boilerplate(found: Iterable[Shared], prompts: int) -> Hashes:
    """What is shared on three prompts or more, and on a hundredth of them: set phrases, not copies of a reply."""
    every: Sequence[Hashes] = [shared.hashes for shared in found]
    distinct, times = np.unique(np.concatenate([np.empty(0, np.uint64), *every]), return_counts=True)
    return np.asarray(distinct[times >= max(BOILERPLATE, BOILERPLATE_SHARE * prompts)])


def _rare(shared: Shared, weight_of_row: NDArray[np.float64]) -> tuple[sparse.csr_matrix, NDArray[np.float64]]:
    """The columns that at most a tenth of the rows (or two) hold, and ln((k + 1) / df), df and k in weights of rows."""
    weight = weight_of_row[shared.rows]
    present = shared.share.astype(bool).astype(np.float64)
    df = np.asarray(present.T @ weight).ravel()
    rare = df <= rare_limit(weight.sum())
    return shared.share[:, rare], np.log((weight.sum() + 1) / df[rare])


def rare_run_overlap(shared: Shared, weight_of_row: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, k) weight of the rare runs that two rows share over sqrt((n_i + 5)(n_j + 5)); 0 where none is shared."""
    table, weight = _rare(shared, weight_of_row)
    scaled = table @ sparse.diags(np.sqrt(weight))
    scale = 1 / np.sqrt(shared.size + SMOOTHING)
    return np.asarray((scaled @ scaled.T).toarray() * scale[:, None] * scale[None])


def same_reply(shared: Shared, weight_of_row: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, k) share of two rows' samples that the other row gave too, word for word, in [0, 1]."""
    table, _ = _rare(shared, weight_of_row)
    told = np.asarray((table @ table.astype(bool).astype(np.float64).T).toarray())
    return np.asarray((told + told.T) / 2)
