"""Maximum mean discrepancy between repeated samples, prompt by prompt, for every pair of a population at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from forensics.stats.ngrams import MIX, gram_counts

PAIRS_AT_ONCE = 8192
ROUNDING = 1e-6
Matrix = NDArray[np.float64]


def hamming_kernel(tokens: NDArray[np.uint64], lengths: NDArray[np.int64], width: int) -> Matrix:
    """(s, s) share of the first `width` positions at which two sequences agree, in [0, 1], 1 on the diagonal.

    tokens: the s sequences one after the other; lengths: (s,) of each. A shorter sequence is padded with one more
    symbol, which agrees with itself, so that length counts too. Source: Gao, Liang and Guestrin 2024
    (arXiv 2410.20247), section 3, whose kernel is this times `width`.
    """
    start = np.cumsum(lengths) - lengths
    place = np.arange(tokens.size) - np.repeat(start, lengths)
    kept = place < width
    row = np.repeat(np.arange(lengths.size), lengths)[kept]
    symbols = (tokens[kept] * np.uint64(MIX[0])) ^ ((place[kept].astype(np.uint64) + np.uint64(1)) * np.uint64(MIX[1]))
    _, column = np.unique(symbols, return_inverse=True)
    shape = (lengths.size, int(column.max()) + 1 if column.size else 0)
    ones = sparse.csr_matrix((np.ones(row.size, np.float32), (row, column)), shape=shape)
    longest = np.minimum(np.maximum(lengths[:, None], lengths[None]), width)
    return np.asarray(((ones @ ones.T).toarray() + (width - longest)) / width, dtype=np.float64)


def spectrum_kernel(tokens: NDArray[np.uint64], lengths: NDArray[np.int64], orders: Sequence[int]) -> Matrix:
    """(s, s) cosine of the sequences' counts of n-grams of all `orders`, in [0, 1]; two without any are alike: 1.

    tokens: the s sequences one after the other; lengths: (s,) of each. Source: Leslie, Eskin and Noble 2002, the
    k-spectrum kernel, each sequence scaled to unit length.
    """
    segment = np.repeat(np.arange(lengths.size), lengths)
    counts = gram_counts(tokens, segment, np.arange(lengths.size), lengths.size, orders).counts
    size = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.where(size > 0, size, 1.0)) @ counts
    return np.asarray((unit @ unit.T).toarray() + np.outer(size == 0, size == 0), dtype=np.float64)


def unbiased_mmd(kernel: Matrix, counts: NDArray[np.int64]) -> Matrix:
    """(k, k) unbiased estimates of the squared MMD of every two of k groups of samples; negative ones by chance.

    kernel: (s, s), samples of a group side by side. counts: (k,) samples of each group, at least 2. The diagonal is 0.
    Source: Gretton et al. 2012, eq. 3 (a sample is never compared with itself).
    """
    start = np.cumsum(counts) - counts
    sums = np.add.reduceat(np.add.reduceat(kernel, start, axis=0), start, axis=1)
    own = (np.diag(sums) - np.add.reduceat(np.diag(kernel), start)) / (counts * (counts - 1))
    found = own[:, None] + own[None] - 2 * sums / np.outer(counts, counts)
    np.fill_diagonal(found, 0.0)
    return np.asarray(found, dtype=np.float64)


def relabellings(first: int, second: int, draws: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(N(N-1)/2, draws) weights: a pooled kernel's upper triangle times these is the unbiased squared MMD after labels
    are dealt anew to N = first + second samples."""
    total = first + second
    left = (np.argsort(rng.random((draws, total)), axis=1) < first).T.astype(np.int8)
    above, beside = np.triu_indices(total, 1)
    weights = [2 / (second * (second - 1)), -2 / (first * second), 2 / (first * (first - 1))]
    return np.asarray(np.array(weights, dtype=np.float32)[left[above] + left[beside]])


@dataclass(frozen=True)
class Strata:
    """What was found over all prompts that two models share.

    mmd: (m, m) mean over prompts of the unbiased squared MMD. p: (m, m) permutation p of equality, in (0, 1]. Both NaN
    on the diagonal and where nothing is shared. prompts: (m, m) prompts in common.
    """

    mmd: Matrix
    p: Matrix
    prompts: NDArray[np.int64]


class StratifiedMMD:
    """Adds up one prompt after the other; labels are permuted within a prompt, under the null of equality on each.

    p = (1 + #{T_b >= T}) / (draws + 1), T the sum over prompts. A draw is shared by pairs with as many samples, so that
    a pair's p does not depend on the other models; p-values of different pairs are dependent, each is valid. Holds
    draws x pairs float32.
    """

    def __init__(self, models: int, draws: int, seed: int) -> None:
        self.models = models
        self.draws = draws
        self.seed = seed
        self.total = np.zeros((models, models))
        self.count = np.zeros((models, models), dtype=np.int64)
        self.null = np.zeros((models * (models - 1) // 2, draws), dtype=np.float32)

    def add(self, rows: NDArray[np.int64], counts: NDArray[np.int64], kernel: Matrix, key: int) -> None:
        """One prompt: `rows` (k,) models with at least 2 samples, `counts` (k,) of each, `kernel` (s, s) over them all.

        `key` says which prompt it is: draws depend on it, on the seed and on the counts of a pair alone. The order of
        rows decides only which draws a pair sees; take it from content where names must not matter.
        """
        place = np.ix_(rows, rows)
        self.total[place] += unbiased_mmd(kernel, counts)
        self.count[place] += 1
        if not self.draws:
            return
        small, start = kernel.astype(np.float32), np.cumsum(counts) - counts
        for (n, k), a, b in _by_shape(counts):
            weights = relabellings(n, k, self.draws, np.random.default_rng([self.seed, key, n, k]))
            samples = np.concatenate([start[a, None] + np.arange(n), start[b, None] + np.arange(k)], axis=1)
            above, beside = np.triu_indices(n + k, 1)
            for at in range(0, a.size, PAIRS_AT_ONCE):
                part = slice(at, at + PAIRS_AT_ONCE)
                pooled = small[samples[part][:, above], samples[part][:, beside]]
                self.null[self._pair(rows[a[part]], rows[b[part]])] += pooled @ weights

    def _pair(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where a pair stands among all, as in np.triu_indices(m, 1)."""
        i, j = np.minimum(a, b), np.maximum(a, b)
        return np.asarray(i * self.models - i * (i + 1) // 2 + j - i - 1)

    def result(self) -> Strata:
        """The means and p-values. Draws that equal the statistic up to rounding count as reaching it."""
        above = np.triu_indices(self.models, 1)
        reached = self.null >= (self.total[above] - ROUNDING * self.count[above]).astype(np.float32)[:, None]
        p = np.full((self.models, self.models), np.nan)
        p[above] = (1 + reached.sum(axis=1)) / (self.draws + 1)
        p.T[above] = p[above]
        told = (self.count > 0) & ~np.eye(self.models, dtype=bool)
        mean = np.where(told, self.total / np.maximum(self.count, 1), np.nan)
        return Strata(mean, np.where(told, p, np.nan), np.where(told, self.count, 0))


def _by_shape(
    counts: NDArray[np.int64],
) -> Iterator[tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64]]]:
    """All pairs of groups by their two sample counts: (n, k), first groups, second groups."""
    a, b = np.triu_indices(counts.size, 1)
    shapes = np.stack([counts[a], counts[b]], axis=1)
    for n, k in np.unique(shapes, axis=0).tolist():
        held = (shapes == (n, k)).all(axis=1)
        yield (n, k), a[held], b[held]
