"""Distributions of single answers over cells: how alike they are, for every pair of a population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.stats.divergence import pairwise_jensen_shannon

HALF_A_MATCH = 0.5
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class CellFindings:
    """Over all cells that two models share, (m, m) each, NaN on the diagonal and where nothing is shared.

    jensen_shannon: mean divergence in bits, in [0, 1]. nei: Nei's distance, at least 0. cells: how many are shared.
    """

    jensen_shannon: Matrix
    nei: Matrix
    cells: NDArray[np.int64]


class AnswerCells:
    """Adds up one cell after the other."""

    def __init__(self, models: int) -> None:
        self.cells = np.zeros((models, models), dtype=np.int64)
        self._divergence, self._shared = np.zeros((models, models)), np.zeros((models, models))
        self._own, self._trials = np.zeros((models, models)), np.zeros((models, models))

    def add(self, rows: NDArray[np.int64], answers: NDArray[np.uint64], there: NDArray[np.bool_]) -> None:
        """One cell: `rows` (k,) models, their `answers` (k, n) hashes, of which those `there` (k, n) were given."""
        place = np.ix_(rows, rows)
        counts = there.sum(axis=1)
        _, column = np.unique(answers[there], return_inverse=True)
        tally = np.zeros((rows.size, int(column.max()) + 1))
        np.add.at(tally, (np.nonzero(there)[0], column), 1)
        share = tally / counts[:, None]
        self.cells[place] += 1
        self._divergence[place] += pairwise_jensen_shannon(share, np.ones(share.shape, dtype=bool))
        self._shared[place] += share @ share.T
        self._own[place] += (share**2).sum(axis=1)[:, None]
        self._trials[place] += np.outer(counts, counts)

    def result(self) -> CellFindings:
        """The findings over all cells added.

        Nei's distance is -ln(J_xy / sqrt(J_x J_y)), J_xy being the chance that answers of both sides agree, J_x and J_y
        that two of one side do, means over cells of sums of products of shares. J_xy of 0 counts as half a match over
        all pairs of answers, which keeps the distance finite. Source: Nei 1972, American Naturalist 106. His correction
        of 1978 for few samples is not used: where every answer is another, as at high temperature, it leaves J_x at 0.
        """
        told = (self.cells > 0) & ~np.eye(self.cells.shape[0], dtype=bool)
        cells = np.maximum(self.cells, 1)
        own = np.where(told, self._own, 1.0)
        shared = np.where(told, np.maximum(self._shared, HALF_A_MATCH * cells / np.maximum(self._trials, 1)), 1.0)
        nei = np.maximum((np.log(own) + np.log(own.T)) / 2 - np.log(shared), 0.0)
        divergence = np.where(told, self._divergence / cells, np.nan)
        return CellFindings(divergence, np.where(told, nei, np.nan), np.where(told, self.cells, 0))
