"""Whether two models could be one and the same under the same settings: a test, never a likelihood ratio of lineage.

A fine-tune, another system prompt or another temperature reject equality as surely as a stranger does. So what is found
here may take the word "same" away from a pair, and must not speak against shared weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.channels.distribution import Distribution
from forensics.channels.one_word import OneWord
from forensics.records import Prompt, ResponseSet
from forensics.stats.eprocess import p_to_e

REJECTED = 1.0
LOOKS = 100
"""The e-process is divided by this: the largest of so many looks is then still an e-value."""
DRAWS = 39_999
"""Permutations: the least p then speaks tenfold against equality even where one-word answers say nothing."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Equality:
    """What repeated samples say of "the same model under the same settings".

    p: permutation p over prompts with repeated samples. log10_lr: LR against equality over everything there is, see
    `against_same`. Both NaN where not estimable. prompts, cells: how many such and how many one-word prompts are behind
    it.
    """

    p: float
    log10_lr: float
    prompts: int
    cells: int

    @property
    def words(self) -> str:
        """The verdict in words."""
        return verdict(self.log10_lr)


def against_same(distribution_p: Matrix, one_word_e: Matrix) -> Matrix:
    """log10 LRs against equality from the columns of the two channels, NaN where neither says anything.

    An LR is an e-value, the factor that a bettor against equality has won, made cautious for series: the p-value is
    turned into one that reaches 10 in one test of ten thousand (stats.eprocess.p_to_e), the e-process is divided by
    `LOOKS`, so that of a hundred looks at equal models the largest reaches x with probability 1/x at most. Where there
    are both, their mean counts: it is an e-value however the two hang together.
    """
    parts = np.stack([p_to_e(distribution_p), -np.asarray(one_word_e) - np.log10(LOOKS)])
    told = np.isfinite(parts)
    total = np.where(told, 10.0**parts, 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(told.any(axis=0), np.log10(total / told.sum(axis=0)), np.nan))


def verdict(log10_lr: float) -> str:
    """What a log10 LR against equality lets one say; no value is proof of sameness."""
    if not np.isfinite(log10_lr):
        return "not estimable"
    return "same is rejected" if log10_lr >= REJECTED else "same is not rejected"


def equality(a: ResponseSet, b: ResponseSet, prompts: Mapping[str, Prompt], *, draws: int = DRAWS) -> Equality:
    """The test of two response sets, which must not share samples. `draws` permutations allow p >= 1/(draws + 1)."""
    spread, single = Distribution(draws), OneWord()
    texts = spread.compare([spread.fingerprint(side) for side in (a, b)], prompts)
    words = single.compare([single.fingerprint(side) for side in (a, b)], prompts)
    p, e = texts.scores["distribution_p"], words.scores["one_word_e"]
    evidence = against_same(p, e)
    return Equality(float(p[0, 1]), float(evidence[0, 1]), int(texts.n[0, 1]), int(words.n[0, 1]))
