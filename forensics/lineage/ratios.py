"""Likelihood ratios of every pair, where a calibration covers it, and the reason where none does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.calibration import Calibration
from forensics.lineage.records import PROPOSITIONS

Matrix = NDArray[np.float64]
NO_LR = "No LR reported: "


@dataclass(frozen=True)
class Ratios:
    """raw, bounded: proposition -> (m, m) log10 LR, NaN where there is none. status: (m, m) str, 'ok' or why not."""

    raw: Mapping[str, Matrix]
    bounded: Mapping[str, Matrix]
    status: NDArray[np.object_]


def likelihood_ratios(
    chosen: Calibration | None,
    reason: str,
    scores: Mapping[str, Matrix],
    counted: NDArray[np.int64],
    witness: Matrix,
) -> Ratios:
    """The ratios of a population under one calibration, or none at all with the reason why.

    counted: (m, m) common prompts as the calibration counts them. witness: (m,) what each model counts for; 0 for one
    that gives the same reply to most prompts. A pair is covered when it shares enough prompts, and when each of the two
    shares as many with enough other models: a population full of models that answered something else is no background.
    """
    word = np.full(counted.shape, NO_LR + reason, dtype=object)
    raw = {name: np.full(counted.shape, np.nan) for name in PROPOSITIONS}
    bounded = dict(raw)
    if chosen is not None:
        limits = chosen.conditions
        enough = counted >= limits.least_prompts
        np.fill_diagonal(enough, False)
        background = enough @ witness + witness
        thin = np.minimum(background[:, None], background[None]) < limits.least_models - 1e-9
        for name, model in chosen.propositions.items():
            raw[name] = np.where(enough & ~thin, model.llr_raw(scores, counted.shape), np.nan)
            bounded[name] = model.bounded(raw[name])
        word[:] = NO_LR + "a score that the calibration needs is not estimable for this pair"
        word[thin] = f"{NO_LR}fewer than {limits.least_models} models answered the prompts of one of the two"
        word[~enough] = f"{NO_LR}fewer than {limits.least_prompts} common prompts"
        word[np.any([np.isfinite(matrix) for matrix in raw.values()], axis=0)] = "ok"
    constant = witness == 0
    unheard = (constant[:, None] | constant[None]) & (word != "ok")
    word[unheard] = NO_LR + "one of the two gives the same reply to most prompts"
    np.fill_diagonal(word, "the same model")
    return Ratios(raw, bounded, word)
