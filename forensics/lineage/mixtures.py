"""Whether a questioned model's replies divide among several sources, prompt by prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.sharing import Sharing

FOLDS = 5
ROUNDS = 60
LEAST_SHARE = 0.1
LEAST_Z = 3.0
LEAST_PROMPTS = 40
SHARPNESS = (0.02, 0.9)
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Gate:
    """weights: (s + 1,) shares of the s sources, and last of none of them. sharpness: (s,) exponents in (0, 1)."""

    weights: Matrix
    sharpness: Matrix

    def densities(self, p: Matrix) -> Matrix:
        """(n, s) density of each prompt's p-value if that source gave the reply: a p^(a - 1), 1 under none."""
        return np.asarray(self.sharpness * p ** (self.sharpness - 1))

    def exclusive(self, p: Matrix) -> Matrix:
        """(n,) log density where each reply comes from one of the sources or from none."""
        return np.asarray(np.log(self.densities(p) @ self.weights[:-1] + self.weights[-1]))

    def independent(self, p: Matrix) -> Matrix:
        """(n,) log density where each source shows by itself as often, whatever the others do."""
        return np.asarray(np.log1p(self.weights[:-1] * (self.densities(p) - 1)).sum(axis=1))


def fit_gate(p: Matrix) -> Gate:
    """The gate fitted to (n, s) p-values by expectation and maximisation, from equal shares."""
    sources = p.shape[1]
    gate = Gate(np.full(sources + 1, 1 / (sources + 1)), np.full(sources, 0.3))
    logs = -np.log(p)
    for _ in range(ROUNDS):
        parts = np.column_stack([gate.densities(p), np.ones(len(p))]) * gate.weights
        belongs = parts / parts.sum(axis=1, keepdims=True)
        total = belongs.sum(axis=0)
        sharp = total[:-1] / np.maximum((belongs[:, :-1] * logs).sum(axis=0), 1e-12)
        gate = Gate(total / len(p), np.clip(sharp, *SHARPNESS))
    return gate


def source_p(told: Sharing, sources: Sequence[int]) -> Matrix:
    """(n, s) p-values: how many models are as like each source on the prompt as the questioned one is.

    sources: places in `told.focus`. (1 + others at least as like) / (1 + others), in (0, 1]; prompts that the
    questioned model and all sources answered.
    """
    overlap = told.overlap()[:, list(sources)]
    q = int(told.focus[0])
    own = overlap[:, :, q]
    others = overlap.copy()
    others[:, :, q] = np.nan
    for k, source in enumerate(sources):
        others[:, k, told.focus[source]] = np.nan
    kept = np.isfinite(own).all(axis=1)
    at_least = (others[kept] >= own[kept][:, :, None]).sum(axis=2)
    return np.asarray((1 + at_least) / (1 + np.isfinite(others[kept]).sum(axis=2)), dtype=np.float64)


def held_out_gain(p: Matrix) -> Matrix:
    """(n,) log density of a gate over that of independent sources, each prompt judged by a fit on the other folds."""
    fold = np.arange(len(p)) % FOLDS
    gain = np.zeros(len(p))
    for k in range(FOLDS):
        gate = fit_gate(p[fold != k])
        gain[fold == k] = gate.exclusive(p[fold == k]) - gate.independent(p[fold == k])
    return gain
