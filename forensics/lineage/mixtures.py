"""Whether a questioned model's replies divide among several sources, prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.lineage.records import Mixture
from forensics.lineage.sharing import Sharing

FOLDS = 5
ROUNDS = 60
LEAST_SHARE = 0.1
LEAST_Z = 3.0
LEAST_GAIN = 0.01
LEAST_PROMPTS = 40
NEARLY = 0.9
LEAST_VERBATIM = 0.05
NO_MIXTURE = (
    "No mixture by prompt among the references (weights that were merged, the best of n samples, or sources outside "
    "the population cannot be told so)."
)
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


def verbatim(told: Sharing, k: int) -> float:
    """Share of prompts on which the questioned model says nearly all rare phrases of the k-th focus model and no more.

    NaN where the two share no prompt with rare phrases of either.
    """
    q, r = int(told.focus[0]), int(told.focus[k])
    own, other, common = told.both[:, 0, q], told.both[:, k, r], told.both[:, 0, r]
    usable = told.answered[:, q] & told.answered[:, r] & (np.maximum(own, other) > 0)
    if not usable.any():
        return float("nan")
    return float((common[usable] >= NEARLY * np.maximum(own, other)[usable]).mean())


def mixture(told: Sharing, sources: Sequence[int], models: Sequence[str]) -> Mixture:
    """Whether the questioned model's replies come from one source on some prompts and from another on the rest.

    sources: places in `told.focus` of models that are no kin of each other. Recognised when, on prompts left out of
    the fit, one source a prompt explains the likeness better than sources that show independently of each other
    (z >= 3 and at least 0.01 nats a prompt), and two sources give a tenth of the prompts each. Kin of a model that is
    tuned, merged or taught by several show together or independently; only a choice by prompt excludes.
    """
    names = [models[int(told.focus[k])] for k in sources]
    copied = {
        name: share
        for name, k in zip(names, sources, strict=True)
        if np.isfinite(share := verbatim(told, k)) and share >= LEAST_VERBATIM
    }
    p = source_p(told, sources) if len(names) > 1 else np.empty((0, 1))
    if len(p) < LEAST_PROMPTS:
        return Mixture(False, {}, None, None, len(p), copied, _too_little(copied))
    gain = held_out_gain(p)
    error = float(gain.std() / np.sqrt(len(gain)))
    z = float(gain.mean() / error) if error > 0 else 0.0
    shares = dict(zip(names, fit_gate(p).weights[:-1].tolist(), strict=True))
    given = {name: share for name, share in shares.items() if share >= LEAST_SHARE}
    found = z >= LEAST_Z and gain.mean() >= LEAST_GAIN and len(given) > 1
    words = _mixed(given) if found else NO_MIXTURE
    return Mixture(bool(found), shares, float(gain.mean()), z, len(p), copied, words + _copied(copied))


def _mixed(given: Mapping[str, float]) -> str:
    parts = ", ".join(f"{name} {share:.0%}" for name, share in sorted(given.items(), key=lambda item: -item[1]))
    return f"A mixture: the replies divide by prompt among several sources ({parts} of prompts)."


def _copied(copied: Mapping[str, float]) -> str:
    parts = ", ".join(f"{share:.0%} of {name}" for name, share in copied.items())
    return (
        f" All but verbatim: {parts}; a router, a rewriter or the same model sampled again leave that." if parts else ""
    )


def _too_little(copied: Mapping[str, float]) -> str:
    return "Whether the replies are a mixture is not estimable." + _copied(copied)
