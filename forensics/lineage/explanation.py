"""Why a pair's likelihood ratio is what it is: terms, probes, and the fewest probes without which the words change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forensics import channels, registry
from forensics.channels import Explaining, PairCells
from forensics.channels.agreement import LEAST_MODELS, ORDERS
from forensics.errors import BadInput
from forensics.evaluation.bounds import STRANGERS
from forensics.evaluation.calibration import LN10, Calibration, PropositionModel
from forensics.evaluation.cohort import frozen_row, population_statistics
from forensics.evaluation.verbal import verbal
from forensics.features.copies import copy_weights
from forensics.features.phrases import Passage, Phrase, passages, phrases
from forensics.features.spelling import spelled
from forensics.features.stock import STOCK_ORDER, stock_grams
from forensics.lineage.comparison import Material, estimable
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.lineage.removal import Removal, Weighing, fewest
from forensics.records import Prompt, ResponseSet

STYLE = "style"
"""Whose habits are told even where no LR rests on it."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one score adds to a raw log10 LR: coefficient times the score, held within what the fit has seen.

    score is None where it is not estimable, and `added` then what the calibration says of a missing one.
    """

    feature: str
    score: float | None
    coefficient: float
    added: float
    note: str


@dataclass(frozen=True, slots=True)
class Probe:
    """One prompt. carried: how far the raw log10 LR falls when it is left out (negative: it speaks against)."""

    prompt_id: str
    prompt: str
    carried: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One next-token context of a prompt, with what leaving it out takes from the raw log10 LR."""

    prompt_id: str
    label: str
    feature: str
    value: float
    carried: float


@dataclass(frozen=True, slots=True)
class Part:
    """What one score gives on one prompt, in the score's own units before it is put beside the population: the score is
    the mean of its parts, or made of that mean."""

    feature: str
    prompt_id: str
    value: float


@dataclass(frozen=True, slots=True)
class Usage:
    """A habit that both over-use whatever they are asked, in words. part: what it adds to the score `feature`.
    background: other models that over-use it at least as much as the lesser of the two, of `models`."""

    feature: str
    text: str
    part: float
    background: int
    models: int


@dataclass(frozen=True, slots=True)
class Why:
    """One LLR taken apart: `intercept` and the `added` of its terms sum to `llr_raw`; `bound` is '' or which applied.

    probes, cells: first those that carry it to the side on which it lies. held: scores that are no mean over prompts,
    and so are not told apart by probes.
    """

    proposition: str
    llr_raw: float
    llr: float
    bounds: tuple[float, float]
    bound: str
    verbal: str
    intercept: float
    terms: tuple[Term, ...]
    probes: tuple[Probe, ...]
    cells: tuple[Cell, ...]
    held: tuple[str, ...]
    fewest: Removal


@dataclass(frozen=True, slots=True)
class Explanation:
    """A pair's LLRs taken apart (none where none is reported: `status` says why), and the phrases it shares.

    phrases: those that add most to the agreement statistic; `overlap` is the sum over prompts that theirs are parts of.
    habits: those that add most to scores which look across prompts, such as style. parts: every score that is made of
    prompts, weighed or not, prompt by prompt, those first on which the two are most alike.
    """

    model_a: str
    model_b: str
    prompts: int
    status: str
    why: tuple[Why, ...]
    overlap: float
    phrases: tuple[Phrase, ...]
    habits: tuple[Usage, ...] = ()
    parts: tuple[Part, ...] = ()


def explain(
    comparison: Comparison,
    material: Material,
    prompts: Mapping[str, Prompt],
    words: ResponseSet,
    other: str,
    *,
    propositions: Sequence[str] = PROPOSITIONS,
    top: int = 15,
) -> Explanation:
    """Why the LLRs of a pair are what they are. words: the responses of one of the two; other: the other's name.

    Row means and spreads, document frequencies and all else that hangs on other pairs is held as it was in the
    comparison. Raises BadInput for a model that was not compared, or with itself.
    """
    pair = _pair(comparison, words.model, other)
    chosen = material.chosen
    weighed = {name for model in chosen.propositions.values() for name in model.weighed} if chosen else set()
    every = _cells(material, prompts, pair)
    cells = {feature: told for feature, told in every.items() if feature in weighed or feature == STYLE}
    tables = material.tables
    found = list(
        passages(
            tables,
            prompts,
            pair,
            copy_weights(tables),
            orders=ORDERS,
            least_models=LEAST_MODELS,
            stock=stock_grams(tables, STOCK_ORDER),
        )
    )
    shown = phrases(found, tables, prompts, pair, words, top=top, least_models=LEAST_MODELS)
    why = tuple(
        _why(name, chosen, comparison, material, prompts, cells, pair)
        for name in (propositions if chosen else ())
        if chosen and name in chosen.propositions and np.isfinite(comparison.llr_raw[name][pair])
    )
    return Explanation(
        words.model,
        other,
        int(comparison.prompts[pair]),
        str(comparison.status[pair]),
        why,
        _total(found),
        shown,
        _usage(cells, words, top),
        _parts(every),
    )


def _pair(comparison: Comparison, one: str, other: str) -> tuple[int, int]:
    if unknown := sorted({one, other} - set(comparison.models)):
        raise BadInput(f"not among the compared models: {', '.join(unknown)}")
    if one == other:
        raise BadInput("a model is not compared with itself", where=one)
    return comparison.models.index(one), comparison.models.index(other)


def _total(found: Sequence[Passage]) -> float:
    return float(sum(passage.overlap for passage in found))


def _cells(
    material: Material, prompts: Mapping[str, Prompt], pair: tuple[int, int], wanted: Collection[str] | None = None
) -> dict[str, PairCells]:
    """Score name to the pair's cells, from every channel that can tell; wanted: from those of these scores alone."""
    told: dict[str, PairCells] = {}
    for name, result in material.results.items():
        plugin = registry.load(channels.PACKAGE, name)
        if isinstance(plugin, Explaining) and (wanted is None or set(wanted) & set(result.scores)):
            told |= plugin.cells(material.populations[plugin.feature], prompts, result, pair)
    return told


def _parts(cells: Mapping[str, PairCells]) -> tuple[Part, ...]:
    """The mean of each prompt's cells, by score, the largest first."""
    found = []
    for feature, told in cells.items():
        values: dict[str, list[float]] = {}
        for prompt_id, value in zip(told.prompt_ids, told.values.tolist(), strict=True):
            values.setdefault(prompt_id, []).append(value)
        means = ((prompt_id, float(np.mean(v))) for prompt_id, v in values.items())
        found += [Part(feature, prompt_id, mean) for prompt_id, mean in means if np.isfinite(mean)]
    return tuple(sorted(found, key=lambda part: (part.feature, -part.value, part.prompt_id)))


def _usage(cells: Mapping[str, PairCells], words: ResponseSet, top: int) -> tuple[Usage, ...]:
    """The foremost habits of each score, as the model writes them."""
    first = {feature: told.habits[:top] for feature, told in cells.items() if told.habits}
    text = spelled(words, {(h.order, h.gram) for habits in first.values() for h in habits})
    return tuple(
        Usage(feature, text[h.order, h.gram], h.part, h.others, h.models)
        for feature, habits in first.items()
        for h in habits
        if (h.order, h.gram) in text
    )


def _terms(model: PropositionModel, scores: Mapping[str, float], raw: float) -> tuple[Term, ...]:
    """The summands of the raw log10 LR beside the intercept; the last is what the allowance for strangers takes."""
    terms = tuple(
        _term(name, scores.get(name, np.nan), weight, limits, missing)
        for name, weight, limits, missing in zip(
            model.features, model.coefficients, model.ranges, model.missing, strict=True
        )
    )
    left = raw - model.intercept / LN10 - sum(term.added for term in terms)
    return (*terms, Term("allowance", None, 1.0, left, f"{STRANGERS:.0%} of descendants look like strangers"))


def _term(name: str, score: float, weight: float, limits: tuple[float, float], missing: float | None) -> Term:
    if not np.isfinite(score):
        return Term(name, None, weight, (missing or 0.0) / LN10, "not estimable: what the fit gives for a missing one")
    held = float(np.clip(score, *limits))
    note = "" if held == score else f"counted as {held:.4g}, the {'most' if score > held else 'least'} the fit has seen"
    return Term(name, float(score), weight, weight * held / LN10, note)


def _why(
    name: str,
    chosen: Calibration,
    comparison: Comparison,
    material: Material,
    prompts: Mapping[str, Prompt],
    cells: Mapping[str, PairCells],
    pair: tuple[int, int],
) -> Why:
    model, limits = chosen.propositions[name], chosen.conditions
    scores = {f: float(comparison.scores[f][pair]) for f in model.features if f in comparison.scores}
    weighed = [f for f in model.weighed if f in scores]
    told = {f: cells[f] for f in weighed if f in cells}
    weighing = _weighing(model, scores, told, material, pair)
    raw, bounded = float(comparison.llr_raw[name][pair]), float(comparison.llr[name][pair])
    spare = int(comparison.prompts[pair]) - limits.least_prompts
    return Why(
        name,
        raw,
        bounded,
        model.bounds,
        "" if bounded == raw else "upper" if raw > bounded else "lower",
        verbal(bounded, name),
        model.intercept / LN10,
        _terms(model, scores, raw),
        _probes(weighing, prompts, 1.0 if raw >= 0 else -1.0),
        _contexts(told, weighing, raw),
        tuple(f for f in weighed if f not in told),
        fewest(weighing, name, spare, material.results[limits.counted].scores.keys()),
    )


def weighing_of(
    comparison: Comparison, material: Material, prompts: Mapping[str, Prompt], pair: tuple[str, str], proposition: str
) -> Weighing | None:
    """One LR of a pair as a function of the probes that are left; None where the calibration in use has none."""
    place, chosen = _pair(comparison, *pair), material.chosen
    model = chosen.propositions.get(proposition) if chosen else None
    if model is None:
        return None
    scores = {f: float(comparison.scores[f][place]) for f in model.features if f in comparison.scores}
    found = _cells(material, prompts, place, model.weighed)
    return _weighing(model, scores, {f: found[f] for f in model.weighed if f in found}, material, place)


def _weighing(
    model: PropositionModel,
    scores: Mapping[str, float],
    told: Mapping[str, PairCells],
    material: Material,
    pair: tuple[int, int],
) -> Weighing:
    return Weighing.of(model, scores, told, {f: _row(material, f, pair) for f in told})


def _row(material: Material, feature: str, pair: tuple[int, int]) -> tuple[float, float]:
    """Slope and offset that take the pair's plain score to the one that the calibration weighs."""
    result = next(r for r in material.results.values() if feature in r.scores)
    if feature not in result.cohort | result.scaled:
        return 1.0, 0.0
    plain = estimable(feature, result, material.constant)
    if feature in result.scaled:
        centre, spread = population_statistics(plain, material.witness)
        return 1 / spread, -centre / spread
    return frozen_row(plain, material.witness, pair)


def _probes(weighing: Weighing, prompts: Mapping[str, Prompt], sign: float) -> tuple[Probe, ...]:
    """Those first that carry the LR to the side on which it lies."""
    carried = weighing.carried()
    order = sorted(range(len(carried)), key=lambda k: (-sign * carried[k], weighing.prompt_ids[k]))
    return tuple(Probe(weighing.prompt_ids[k], prompts[weighing.prompt_ids[k]].text, float(carried[k])) for k in order)


def _contexts(told: Mapping[str, PairCells], weighing: Weighing, raw: float) -> tuple[Cell, ...]:
    """The cells of channels that look closer than a prompt, most carrying first."""
    found = [
        Cell(prompt_id, label, feature, float(value), float(raw - left))
        for feature, cells in told.items()
        if cells.labels
        for prompt_id, label, value, left in zip(
            cells.prompt_ids, cells.labels, cells.values, weighing.without_cell(feature, cells.values), strict=True
        )
    ]
    sign = 1.0 if raw >= 0 else -1.0
    return tuple(sorted(found, key=lambda c: (-sign * c.carried, c.prompt_id, c.label)))
