"""A pair's likelihood ratio without one channel, one probe family or one other model; and its interval over prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import experience
from forensics.evaluation.calibration import Calibration, PropositionModel
from forensics.evaluation.verbal import verbal
from forensics.lineage.comparison import Material, scores_of
from forensics.lineage.explanation import weighing_of
from forensics.lineage.fingerprints import Fingerprinted
from forensics.lineage.records import Comparison
from forensics.lineage.removal import Weighing
from forensics.records import Prompt
from forensics.stats.jackknife import block_sums, jackknife

NORMAL_95 = 1.96
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Left:
    """The bounded log10 LR without one part, or None and `why`. verbal: its words."""

    without: str
    llr: float | None
    verbal: str
    why: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One LR of one pair without each channel, probe family and other model in turn.

    interval: 95 %, log10, by the jackknife over blocks of prompts and held within the bound; None where the scores are
    no means over prompts.
    """

    channels: tuple[Left, ...]
    families: tuple[Left, ...]
    references: tuple[Left, ...]
    interval: tuple[float, float] | None


def leave_out(
    comparison: Comparison,
    material: Material,
    prompts: Mapping[str, Prompt],
    pairs: Sequence[Pair],
    proposition: str,
    *,
    others: Sequence[str],
) -> dict[Pair, LeftOut]:
    """Each pair that has this LR, without each part. others: the models to leave out one by one.

    A channel is left out of the fusion as the calibration allows: by the fit of the one score that remains, or by what
    the fit gives for a missing score. A probe family is left out of the means, all else held. Another model is left out
    of the population, and every score of the rest made anew.
    """
    chosen = material.chosen
    model = chosen.propositions.get(proposition) if chosen else None
    if chosen is None or model is None:
        return {}
    told = [pair for pair in pairs if np.isfinite(comparison.llr_raw[proposition][_place(comparison, pair)])]
    without = {name: _scores_without(material, prompts, model, name) for name in others} if told else {}
    found = {}
    for pair in told:
        weighing = weighing_of(comparison, material, prompts, pair, proposition)
        assert weighing is not None
        found[pair] = LeftOut(
            _channels(comparison, material, model, pair, proposition),
            _families(weighing, comparison, material, prompts, pair, proposition),
            tuple(
                _reference(chosen, material, model, pair, proposition, name, scores)
                for name, scores in without.items()
                if name not in pair
            ),
            _interval(weighing),
        )
    return found


def _place(comparison: Comparison, pair: Pair) -> tuple[int, int]:
    return comparison.models.index(pair[0]), comparison.models.index(pair[1])


def _left(model: PropositionModel, raw: float, without: str, proposition: str, why: str = "") -> Left:
    if not np.isfinite(raw):
        return Left(without, None, verbal(None), why or "not estimable")
    llr = float(model.bounded(np.array(raw)))
    return Left(without, llr, verbal(llr, proposition), why)


def _channels(
    comparison: Comparison, material: Material, model: PropositionModel, pair: Pair, proposition: str
) -> tuple[Left, ...]:
    """Without all scores of each channel that is weighed, then without single scores of a channel that has several."""
    place = _place(comparison, pair)
    scores = {f: float(comparison.scores[f][place]) for f in model.features if f in comparison.scores}
    groups: dict[str, set[str]] = {}
    for name, result in material.results.items():
        if weighed := set(result.scores) & set(model.weighed):
            groups[name] = weighed
    wanted = list(groups.items())
    wanted += [(f"the score {f} only", {f}) for group in groups.values() if len(group) > 1 for f in sorted(group)]
    return tuple(_channel(name, gone, scores, material, model, proposition) for name, gone in wanted)


def _channel(
    name: str,
    gone: set[str],
    scores: Mapping[str, float],
    material: Material,
    model: PropositionModel,
    proposition: str,
) -> Left:
    rest = [f for f in model.weighed if f not in gone]
    if not rest:
        return _left(model, float("nan"), name, proposition, "it is all that this calibration weighs")
    assert material.chosen is not None
    alone = experience.shipped(material.chosen.name, material.chosen.hash)["alone"].get(proposition, {})
    if len(rest) == 1 and rest[0] in alone:
        single = PropositionModel.parse(alone[rest[0]])
        raw = _one(single, {rest[0]: scores.get(rest[0], np.nan)})
        return _left(model, raw, name, proposition, f"by the fit of {rest[0]} alone")
    raw = _one(model, {f: value for f, value in scores.items() if f not in gone})
    return _left(model, raw, name, proposition, "" if np.isfinite(raw) else "the calibration has no fit without it")


def _one(model: PropositionModel, scores: Mapping[str, float]) -> float:
    return float(model.llr_raw({f: np.array([value]) for f, value in scores.items()}, (1,))[0])


def _families(
    weighing: Weighing,
    comparison: Comparison,
    material: Material,
    prompts: Mapping[str, Prompt],
    pair: Pair,
    proposition: str,
) -> tuple[Left, ...]:
    assert material.chosen is not None
    family = np.array([prompts[i].family for i in weighing.prompt_ids], dtype=object)
    least = material.chosen.conditions.least_prompts
    common, found = int(comparison.prompts[_place(comparison, pair)]), []
    for name in dict.fromkeys(family.tolist()):
        keep = family != name
        raw = float(_summed(weighing, keep))
        left = min(common, int(keep.sum()))
        why = f"{left} prompts are left, and the calibration needs {least}" if left < least else ""
        found.append(_left(weighing.model, float("nan") if why else raw, str(name), proposition, why))
    return tuple(found)


def _summed(weighing: Weighing, keep: NDArray[np.bool_]) -> float:
    sums, counts = (part[:, keep].sum(axis=1, keepdims=True) for part in (weighing.sums, weighing.counts))
    return float(weighing.llr(sums, counts)[0])


def _scores_without(
    material: Material, prompts: Mapping[str, Prompt], model: PropositionModel, name: str
) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """The models but one, and the scores that the fit weighs of every pair of them."""
    wanted = [c for c, result in material.results.items() if set(result.scores) & set(model.features)]
    rest = [k for k, other in enumerate(material.models) if other != name]
    prints = [{feature: population[k] for feature, population in material.populations.items()} for k in rest]
    found = [Fingerprinted(material.models[k], "", "", one) for k, one in zip(rest, prints, strict=True)]
    return tuple(one.model for one in found), scores_of(found, prompts, wanted)


def _reference(
    chosen: Calibration,
    material: Material,
    model: PropositionModel,
    pair: Pair,
    proposition: str,
    name: str,
    told: tuple[tuple[str, ...], Mapping[str, Any]],
) -> Left:
    models, scores = told
    witnesses = round(float(material.witness.sum() - material.witness[material.models.index(name)]))
    if witnesses < chosen.conditions.least_models:
        why = f"{witnesses} models are left, and the calibration needs {chosen.conditions.least_models}"
        return _left(model, float("nan"), name, proposition, why)
    place = models.index(pair[0]), models.index(pair[1])
    raw = _one(model, {f: float(scores[f][place]) for f in model.features if f in scores})
    return _left(model, raw, name, proposition)


def _interval(weighing: Weighing) -> tuple[float, float] | None:
    if not weighing.prompt_ids:
        return None

    def llr(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
        found = weighing.llr(np.atleast_2d(sums).T, np.atleast_2d(counts).T)
        return found if sums.ndim > 1 else found[0]

    whole, error = jackknife(llr, block_sums(weighing.sums.T), block_sums(weighing.counts.T))
    if not np.isfinite(error):
        return None
    ends = weighing.model.bounded(np.array([whole - NORMAL_95 * error, whole + NORMAL_95 * error]))
    return float(ends[0]), float(ends[1])


def difference(stored: Comparison, anew: Comparison) -> float:
    """The largest relative difference between two comparisons' scores and raw LRs; infinity where one lacks what the
    other has, or their models differ."""
    if stored.models != anew.models or set(stored.scores) != set(anew.scores):
        return float("inf")
    both = [(stored.scores[n], anew.scores[n]) for n in stored.scores]
    both += [(stored.llr_raw[n], anew.llr_raw[n]) for n in stored.llr_raw] + [
        (stored.llr[n], anew.llr[n]) for n in stored.llr
    ]
    return max(map(_relative, both), default=0.0)


def _relative(both: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    one, other = both
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    known = np.isfinite(one)
    scale = np.maximum(np.maximum(np.abs(one[known]), np.abs(other[known])), 1e-12)
    return float((np.abs(one[known] - other[known]) / scale).max(initial=0.0))
