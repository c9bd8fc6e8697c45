"""Means over prompts of per-prompt similarity matrices, with bootstrap replicates in the same pass."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHUNK = 32


class PromptMean:
    """Accumulates (k, k) matrices of the models that answered each prompt into (m, m) means.

    With `weights` (r, p), replicate b is the mean in which prompt q counts weights[b, q] times.
    """

    def __init__(self, models: int, weights: NDArray[np.float32] | None = None) -> None:
        self.models = models
        self.weights = weights
        self.sums = np.zeros((models, models))
        self.counts = np.zeros((models, models), dtype=np.int64)
        replicates = 0 if weights is None else weights.shape[0]
        self._sums = np.zeros((replicates, models * models), dtype=np.float32)
        self._counts = np.zeros_like(self._sums)
        self._pending: list[tuple[int, NDArray[np.float32], NDArray[np.float32]]] = []

    def add(self, prompt: int, rows: NDArray[np.int64], similarity: NDArray[np.float64]) -> None:
        """Count one prompt's matrix; `prompt` is its place in the columns of `weights`."""
        place = np.ix_(rows, rows)
        self.sums[place] += similarity
        self.counts[place] += 1
        if self.weights is not None:
            whole = np.zeros((self.models, self.models), dtype=np.float32)
            whole[place] = similarity
            seen = np.zeros_like(whole)
            seen[place] = 1
            self._pending.append((prompt, whole.ravel(), seen.ravel()))
            if len(self._pending) == CHUNK:
                self._flush()

    def _flush(self) -> None:
        if not self._pending or self.weights is None:
            return
        chosen = self.weights[:, [prompt for prompt, _, _ in self._pending]]
        self._sums += chosen @ np.stack([whole for _, whole, _ in self._pending])
        self._counts += chosen @ np.stack([seen for _, _, seen in self._pending])
        self._pending.clear()

    def mean(self, least: int) -> NDArray[np.float64]:
        """(m, m) means, NaN on the diagonal and where fewer than `least` prompts are shared."""
        enough = self.counts >= max(least, 1)
        mean = np.where(enough, self.sums / np.maximum(self.counts, 1), np.nan)
        np.fill_diagonal(mean, np.nan)
        return mean

    def replicates(self) -> NDArray[np.float32]:
        """(r, m, m) replicate means, NaN where a replicate drew no shared prompt."""
        self._flush()
        with np.errstate(invalid="ignore"):
            means = self._sums / self._counts
        return means.reshape(-1, self.models, self.models)
