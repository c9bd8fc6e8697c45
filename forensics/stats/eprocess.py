"""Evidence against "both draw from the same distribution" that may be looked at as often as one likes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

CAUTION = (0.5, 2.0, 8.0, 32.0)
KAPPA = 0.001
Matrix = NDArray[np.float64]


def p_to_e(p: Matrix | float, kappa: float = KAPPA) -> Matrix:
    """log10 of kappa p^(kappa - 1), an e-value for every valid p-value; NaN stays NaN.

    Under the null it reaches x with probability (kappa / x)^(1 / (1 - kappa)) at most. A small kappa is cautious: 0.001
    reaches 10 in one test of ten thousand, 0.1 would in six of a thousand.
    Source: Vovk and Wang 2021, Annals of Statistics 49(3), eq. 1.
    """
    return np.asarray(np.log10(kappa) + (kappa - 1) * np.log10(p), dtype=np.float64)


def _gains(a_said: Matrix, b_said: Matrix, a_other: Matrix, b_other: Matrix) -> Matrix:
    """(levels of caution, ...) ln of what a bet pays when A answers x and B answers y.

    a_said, b_said: how often A and B said x before; a_other, b_other: how often they said y. The stake on x being A's
    kind of answer rather than B's is the difference over the sum plus the level of caution, in (-1, 1).
    """
    caution = np.reshape(CAUTION, (-1, *(1,) * np.ndim(a_said)))
    on_x = (a_said - b_said) / (a_said + b_said + caution)
    on_y = (a_other - b_other) / (a_other + b_other + caution)
    return np.asarray(np.log1p(on_x) + np.log1p(-on_y))


def _log10_mean(log_wealth: Matrix) -> Matrix:
    """log10 of the mean over the first axis, from natural logs."""
    top = log_wealth.max(axis=0)
    return np.asarray((top + np.log(np.exp(log_wealth - top).mean(axis=0))) / np.log(10.0))


class EqualityProcess:
    """A test of equality by betting, one pair of answers at a time, over any number of cells.

    Null: the next two answers are drawn independently from one distribution, whatever it is in that cell. Then for any
    stake r in [-1, 1] that was fixed before, E[(1 + r(a)) (1 - r(b))] <= 1: the factors are independent and their means
    add up to 2. So the wealth is a supermartingale that starts at 1, and P(it ever reaches 1/alpha) <= alpha, whenever
    and however often one looks. Stakes come from earlier answers, in the cell and in all cells, at several levels of
    caution; wealth is the mean over these, so it soon follows the best. Symmetric in the two sides. Keeps one count per
    different answer.
    Source: Turner, Ly and Grunwald 2024 (Journal of Statistical Planning and Inference 230, two-sample safe tests),
    blocks of one sample a side, here over answers that nobody listed; cf. Shekhar and Ramdas 2024.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, list[int]] = defaultdict(lambda: [0, 0])
        self._log_wealth = np.zeros(2 * len(CAUTION))
        self.pairs = 0
        self.highest = 0.0

    @property
    def log10_e(self) -> float:
        """log10 of the e-value against equality so far: 0 at the start, 2 after fair bets have won a hundredfold."""
        return float(_log10_mean(self._log_wealth))

    def update(self, cell: Hashable, a: Hashable | None, b: Hashable | None) -> float:
        """log10 e after one more answer of either side to the same question.

        Where one side gave none (None) nothing is staked, and the other's answer is remembered.
        """
        if a is not None and b is not None:
            x = np.array([self._seen[cell, a], self._seen[None, a]], dtype=np.float64)
            y = np.array([self._seen[cell, b], self._seen[None, b]], dtype=np.float64)
            self._log_wealth += _gains(x[:, 0], x[:, 1], y[:, 0], y[:, 1]).T.ravel()
            self.pairs += 1
        for side, said in enumerate((a, b)):
            if said is not None:
                self._seen[cell, said][side] += 1
                self._seen[None, said][side] += 1
        self.highest = max(self.highest, self.log10_e)
        return self.log10_e

    def rejects(self, alpha: float) -> bool:
        """Whether equality was rejected at level `alpha` at any time so far."""
        return bool(self.highest >= -np.log10(alpha))


def log10_e_of_pairs(answers: NDArray[np.uint64], there: NDArray[np.bool_], cell: NDArray[np.int64]) -> Matrix:
    """(m, m) symmetric log10 e-values: what `EqualityProcess` ends at for every pair of m models, 0 on the diagonal.

    answers: (m, s) hashes in the order of asking, of which those `there` (m, s) were given; cell: (s,) what was asked.
    """
    m, steps = answers.shape
    wealth = np.zeros((2, len(CAUTION), m, m))
    words = np.unique(answers, return_inverse=True)[1].reshape(m, steps)
    in_cell = np.unique(words + cell * (words.max(initial=0) + 1), return_inverse=True)[1].reshape(m, steps)
    tallies = [(codes, np.zeros((m, int(codes.max(initial=0)) + 1))) for codes in (in_cell, words)]
    for t in range(steps):
        who = np.flatnonzero(there[:, t])
        place = np.ix_(who, who)
        for memory, (codes, tally) in enumerate(tallies):
            before = tally[np.ix_(who, codes[who, t])].T
            own = np.broadcast_to(np.diag(before)[:, None], before.shape)
            for level, gain in enumerate(_gains(own, before, before.T, own.T)):
                wealth[memory, level][place] += gain
            tally[who, codes[who, t]] += 1
    found = _log10_mean(wealth.reshape(-1, m, m))
    np.fill_diagonal(found, 0.0)
    return (found + found.T) / 2
