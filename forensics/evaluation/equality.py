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

REJECTED = 2.0
DRAWS = 9999
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Equality:
    """What repeated samples say of "the same model under the same settings".

    p: permutation p over open prompts. log10_e: e-value against equality over everything there is; e is the factor that
    a bettor against equality has won, and under equality it reaches x with probability at most 1/x. Both NaN where not
    estimable. prompts, cells: how many open and one-word prompts are behind it.
    """

    p: float
    log10_e: float
    prompts: int
    cells: int

    @property
    def words(self) -> str:
        """The verdict in words."""
        return verdict(self.log10_e)


def against_same(distribution_p: Matrix, one_word_e: Matrix) -> Matrix:
    """log10 e-values against equality from the columns of the two channels, NaN where neither says anything.

    The p-value is turned into an e-value (stats.eprocess.p_to_e). Where there are both, their mean counts: it is an
    e-value however the two hang together, and false alarms are rarer than with the product.
    """
    parts = np.stack([p_to_e(distribution_p), -np.asarray(one_word_e)])
    told = np.isfinite(parts)
    total = np.where(told, 10.0**parts, 0.0).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(told.any(axis=0), np.log10(total / told.sum(axis=0)), np.nan))


def verdict(log10_e: float) -> str:
    """What a log10 e-value against equality lets one say; no value is proof of sameness.

    A hundredfold is asked for: halves of one model reach tenfold in about one split of 400, so that a series of a
    hundred would raise a false alarm now and then.
    """
    if not np.isfinite(log10_e):
        return "not estimable"
    return "same is rejected" if log10_e >= REJECTED else "same is not rejected"


def equality(a: ResponseSet, b: ResponseSet, prompts: Mapping[str, Prompt], *, draws: int = DRAWS) -> Equality:
    """The test of two response sets, which must not share samples. `draws` permutations allow p >= 1/(draws + 1)."""
    spread, single = Distribution(draws), OneWord()
    texts = spread.compare([spread.fingerprint(side) for side in (a, b)], prompts)
    words = single.compare([single.fingerprint(side) for side in (a, b)], prompts)
    p, e = texts.scores["distribution_p"], words.scores["one_word_e"]
    evidence = against_same(p, e)
    return Equality(float(p[0, 1]), float(evidence[0, 1]), int(texts.n[0, 1]), int(words.n[0, 1]))
