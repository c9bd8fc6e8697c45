"""A pair's likelihood ratio as the channels that it is fused from: each alone, and what their dependence takes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forensics.errors import BadInput
from forensics.evaluation import experience
from forensics.evaluation.calibration import LN10, Calibration, PropositionModel
from forensics.evaluation.verbal import verbal
from forensics.lineage.records import Comparison


@dataclass(frozen=True, slots=True)
class Contribution:
    """One score. alone: the log10 LR that a calibration of this score and no other gives, None where it is not
    estimable. added: weight times the score, in log10, as the fused LR counts it."""

    feature: str
    score: float | None
    alone: float | None
    added: float


@dataclass(frozen=True, slots=True)
class Contributions:
    """One LR of one pair, all log10. naive: the sum of the LRs alone, which counts twice what two scores both see.
    dependence: raw less naive. cut: bounded less raw, 0 where the bound did not apply."""

    model_a: str
    model_b: str
    proposition: str
    parts: tuple[Contribution, ...]
    naive: float
    dependence: float
    raw: float
    cut: float
    bounded: float
    bounds: tuple[float, float]
    verbal: str


def contributions(
    comparison: Comparison,
    pair: tuple[str, str],
    *,
    proposition: str,
    known: Sequence[Calibration],
    told: Mapping[str, Any] | None = None,
) -> Contributions | None:
    """What an LR of a stored comparison is fused from; None where none is reported, or nothing is told of the channels
    alone.

    known: calibrations, the one in use among them. told: its experience, by default what ships for it. Raises BadInput
    for a model that was not compared.
    """
    if unknown := sorted(set(pair) - set(comparison.models)):
        raise BadInput(f"not among the compared models: {', '.join(unknown)}")
    place = comparison.models.index(pair[0]), comparison.models.index(pair[1])
    chosen = next((c for c in known if c.hash == comparison.calibration.get("hash")), None)
    model = chosen.propositions.get(proposition) if chosen else None
    raw = float(comparison.llr_raw[proposition][place]) if proposition in comparison.llr_raw else np.nan
    record = told or (experience.shipped(chosen.name, chosen.hash) if chosen else experience.NOTHING)
    singles = record["alone"].get(proposition)
    if model is None or singles is None or not np.isfinite(raw):
        return None
    scores = {f: float(comparison.scores[f][place]) for f in model.features if f in comparison.scores}
    parts = tuple(_part(f, scores, model, PropositionModel.parse(singles[f])) for f in model.weighed if f in singles)
    naive = sum(part.alone or 0.0 for part in parts)
    bounded = float(comparison.llr[proposition][place])
    return Contributions(
        *pair, proposition, parts, naive, raw - naive, raw, bounded - raw, bounded, model.bounds,
        verbal(bounded, proposition),
    )  # fmt: skip


def _part(feature: str, scores: Mapping[str, float], model: PropositionModel, single: PropositionModel) -> Contribution:
    score, k = scores.get(feature, np.nan), model.features.index(feature)
    known = bool(np.isfinite(score))
    held = float(np.clip(score, *model.ranges[k])) * model.coefficients[k] if known else model.missing[k] or 0.0
    alone = float(single.llr_raw({feature: np.array([score])}, (1,))[0])
    return Contribution(feature, score if known else None, alone if np.isfinite(alone) else None, held / LN10)
