"""Agreement on wrong answers beyond what accuracy and the difficulty of the questions explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
LEAST_MODELS = 8
MOST_EXPECTED = 0.95
BOTH_WRONG = 0.5


@dataclass(frozen=True)
class Question:
    """One question as k models answered it.

    rows: (k,) int64, the models. right: (k,) share of a model's samples that are right. wrong: (k, a) shares of its
    samples with each wrong answer, for the wrong answers that more than one model gave; the rest of a row, up to 1, are
    wrong answers of its own. options: how many answers there are to choose from, at least 2.
    """

    rows: NDArray[np.int64]
    right: Values
    wrong: Values
    options: int


def capa(questions: Sequence[Question], models: int) -> tuple[Values, NDArray[np.int64]]:
    """(m, m) CAPA kappa of every pair over the questions that both answered, and how many these are.

    Observed agreement is the mean of the inner product of the two answer distributions; expected agreement
    p_i p_j + (1 - p_i)(1 - p_j) x mean of 1/(options - 1), p being shares of right answers. NaN without a common
    question or where agreement is sure. Source: Goel et al. 2025, "Great Models Think Alike and this Undermines AI
    Oversight".
    """
    n = np.zeros((models, models), dtype=np.int64)
    observed, own, spread = (np.zeros((models, models)) for _ in range(3))
    for question in questions:
        place = np.ix_(question.rows, question.rows)
        n[place] += 1
        observed[place] += np.outer(question.right, question.right) + question.wrong @ question.wrong.T
        own[place] += question.right[:, None]
        spread[place] += 1 / (question.options - 1)
    count = np.maximum(n, 1)
    accuracy, spread = own / count, spread / count
    expected = accuracy * accuracy.T + spread * (1 - accuracy) * (1 - accuracy.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = (observed / count - expected) / (1 - expected)
    return np.where((n > 0) & (expected < 1), kappa, np.nan), n


def wrong_counts(questions: Sequence[Question], models: int) -> Values:
    """(m, m) how many of the questions that i and j both answered i has wrong."""
    total = np.zeros((models, models))
    for question in questions:
        total[np.ix_(question.rows, question.rows)] += (1 - question.right)[:, None]
    return total


def residual_agreement(questions: Sequence[Question], models: int) -> Values:
    """(m, m) agreement on wrong answers with difficulty and accuracy taken off, in [-1, 1]; NaN without any spread.

    A model's share of a wrong answer is expected to be the population's share times the model's own rate of error
    relative to the questions it met; Pearson residuals from that are correlated over common questions. Giving the same
    wrong answer counts twice what being wrong together counts, and rare wrong answers more than common ones. Questions
    that fewer than 8 models answered tell nothing.
    """
    asked = [q for q in questions if q.rows.size >= LEAST_MODELS]
    rate = _relative_error(asked, models)
    same, together = _Correlation(models), _Correlation(models)
    for question in asked:
        same.add(question.rows, _residuals(question.wrong, rate[question.rows]))
        together.add(question.rows, _residuals(1 - question.right[:, None], rate[question.rows]))
    return np.asarray((same.value() + BOTH_WRONG * together.value()) / (1 + BOTH_WRONG))


def _relative_error(questions: Sequence[Question], models: int) -> Values:
    """(m,) wrong answers of each model over what the same questions draw from the population."""
    wrong, expected = np.zeros(models), np.zeros(models)
    for question in questions:
        wrong[question.rows] += 1 - question.right
        expected[question.rows] += 1 - question.right.mean()
    return wrong / np.where(expected == 0, 1, expected)


def _residuals(shares: Values, rate: Values) -> Values:
    """(k, a) Pearson residuals; answers that none or all give are left out."""
    mean = shares.mean(axis=0)
    divided = (mean > 0) & (mean < 1)
    shares, mean = shares[:, divided], mean[divided]
    expected = np.clip(np.outer(rate, mean), 0, MOST_EXPECTED)
    return np.asarray((shares - expected) / np.sqrt(mean * (1 - mean)))


class _Correlation:
    """Uncentred correlation of rows, each pair over the columns that both rows have."""

    def __init__(self, models: int) -> None:
        self._inner, self._square = np.zeros((models, models)), np.zeros((models, models))

    def add(self, rows: NDArray[np.int64], values: Values) -> None:
        place = np.ix_(rows, rows)
        self._inner[place] += values @ values.T
        self._square[place] += (values**2).sum(axis=1)[:, None]

    def value(self) -> Values:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self._inner / np.sqrt(self._square * self._square.T))
