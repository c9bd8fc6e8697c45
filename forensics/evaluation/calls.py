"""Calls against LLR: how strong the likelihood ratios of pairs of known lineage are after so many probe calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics import channels, registry
from forensics.channels import Channel
from forensics.errors import BadInput
from forensics.evaluation import fusion, weighted
from forensics.evaluation.calibration import Calibration, PropositionModel
from forensics.evaluation.fitting import pool
from forensics.evaluation.judging import Judge, Values, number
from forensics.evaluation.labels import UNRELATED, Labels
from forensics.evaluation.pairs import POSITIVES, PairTable, pair_table
from forensics.evaluation.prompts import by_coverage, draws
from forensics.evaluation.resampling import interval, pair_weights, with_rare_events
from forensics.evaluation.zoo import CHANNEL, FEATURES, MODES, RIDGES
from forensics.records import Prompt, ResponseSet

PROPOSITIONS = ("weights", "distilled")
REFITTED = "leave-seed-out"
MOST_DRAWS = 5
SAME_DATA = "same_data"
STRONG = 1.0
"""log10 of the LR that counts as strong, and as misleading without lineage."""
Limits = tuple[float, float] | None


@dataclass(frozen=True)
class Zoo:
    """One recorded zoo. same_data: pairs without lineage that learnt from the very same data."""

    name: str
    sets: tuple[ResponseSet, ...]
    prompts: Mapping[str, Prompt]
    labels: Labels
    same_data: frozenset[frozenset[str]]


@dataclass(frozen=True)
class Draw:
    """The pairs of every zoo, compared on one draw of `calls` prompts of the kind that the proposition's LR reads.

    A call is one prompt sent once to each of the two models: next-token distributions are scored, not sampled.
    """

    proposition: str
    calls: int
    tables: tuple[PairTable, ...]


def pool_of(zoos: Sequence[Zoo], proposition: str) -> tuple[str, ...]:
    """The prompts that the proposition's LR reads and for which every model tells distributions, by their content.

    Raises BadInput where the zoos were asked different things.
    """
    prompts = zoos[0].prompts
    if any(dict(zoo.prompts) != dict(prompts) for zoo in zoos):
        raise BadInput("the zoos were probed with different suites; give those of one suite")
    modes = MODES[FEATURES[proposition][0]]
    told = [
        frozenset(c.prompt_id for c in one.completions if c.next_tokens and prompts[c.prompt_id].mode in modes)
        for zoo in zoos
        for one in zoo.sets
    ]
    everywhere = frozenset.intersection(*told)
    return by_coverage(told, {i: prompt for i, prompt in prompts.items() if i in everywhere})


def drawn(zoos: Sequence[Zoo], calls: Sequence[int], *, seed: int = 0) -> list[Draw]:
    """Every draw, at most five disjoint ones of each number of calls, and all prompts at last."""
    planned = [
        (name, size, ids)
        for name in PROPOSITIONS
        for own in [pool_of(zoos, name)]
        for sizes in [sorted({n for n in calls if n < len(own)} | {len(own)})]
        for size, ids in draws(own, seed=seed, plan={n: min(MOST_DRAWS, len(own) // n) for n in sizes if n})
    ]
    columns = [tuple(_tables(zoo, planned)) for zoo in zoos]
    return [
        Draw(name, size, tables) for (name, size, _), tables in zip(planned, zip(*columns, strict=True), strict=True)
    ]


def _tables(zoo: Zoo, planned: Sequence[tuple[str, int, frozenset[str]]]) -> Iterator[PairTable]:
    """The zoo's pairs under each draw; a score is empty where the channel has too few prompts."""
    channel: Channel = registry.load(channels.PACKAGE, CHANNEL)
    listed = sorted(zoo.prompts)
    weights = np.array([[i in ids for i in listed] for _, _, ids in planned], dtype=np.float32)
    result = channel.compare([channel.fingerprint(one) for one in zoo.sets], zoo.prompts, weights=weights)
    models = [one.model for one in zoo.sets]
    same = np.array([[float(frozenset((a, b)) in zoo.same_data) for b in models] for a in models])
    for place, (name, size, _) in enumerate(planned):
        feature = FEATURES[name][0]
        scores = result.replicates[feature][place].astype(np.float64)
        scores = scores if size >= channel.least_prompts else np.full_like(scores, np.nan)
        yield pair_table(zoo.name, models, {feature: scores, SAME_DATA: same}, zoo.labels).independent()


def power_rows(told: Sequence[Draw], calibration: Calibration | None = None, *, seed: int = 0) -> list[dict[str, Any]]:
    """Per proposition, way of judging and number of calls: medians of raw log10 LRs and shares of those of at least 10.

    Judged leave-seed-out, each zoo by a fit on the same draw of the others; and by a calibration as it stands, on zoos
    that it was not fitted on. Figures are means over draws of a size; None where nothing is estimable. Intervals
    resample lineages (both sides of a pair) and whole zoos; the wider end of the two is given.
    """
    rows = []
    for name in PROPOSITIONS:
        sizes = sorted({draw.calls for draw in told if draw.proposition == name})
        for judged, model in _judges(name, calibration):
            for size in sizes:
                same = [draw for draw in told if (draw.proposition, draw.calls) == (name, size)]
                found = [_found(draw, model, calibration, seed) for draw in same]
                if found[0] is not None:
                    head = {"proposition": name, "judged": judged, "calls": size, "draws": len(found)}
                    rows.append(head | _averaged([one for one in found if one]))
    return rows


def _judges(name: str, calibration: Calibration | None) -> Iterator[tuple[str, PropositionModel | None]]:
    yield REFITTED, None
    model = calibration.propositions.get(name) if calibration else None
    if calibration and model and model.features == FEATURES[name]:
        yield f"{calibration.name} {calibration.version}", model


@dataclass(frozen=True)
class _Found:
    """A draw's figures: name -> lineages' and zoos' resamples (1+r,), the independent units of each, and pairs."""

    values: Mapping[str, tuple[Values, Values]]
    units: Mapping[str, tuple[int, int]]
    pairs: Mapping[str, int]


def _found(draw: Draw, model: PropositionModel | None, calibration: Calibration | None, seed: int) -> _Found | None:
    """The figures of one draw; None where the calibration was fitted on every zoo."""
    seen = calibration.corpora if calibration and model else ()
    kept = [table for table in draw.tables if table.corpus not in seen]
    if not kept:
        return None
    llr = np.concatenate([_llr(table, draw, model) for table in kept])
    estimable = np.isfinite(llr)
    whole = PairTable(
        "",
        np.concatenate([table.relation for table in kept]),
        tuple(group for table in kept for group in table.groups),
        {SAME_DATA: np.concatenate([table.columns[SAME_DATA] for table in kept])},
    )
    zoos = tuple((table.corpus, table.corpus) for table in kept for _ in table.groups)
    return _figures(whole, zoos, draw.proposition, np.where(estimable, llr, 0.0), estimable, seed)


def _llr(table: PairTable, draw: Draw, model: PropositionModel | None) -> Values:
    """(n,) raw log10 LRs of a zoo's pairs; empty where the others are too few to fit on."""
    if model is None:
        name = draw.proposition
        others = [other.labelled(name) for other in draw.tables if other is not table]
        ridge = RIDGES.get(name, fusion.RIDGE)
        try:
            model = fusion.fit(pool(others), FEATURES[name], ridge=ridge) if others else None
        except BadInput:
            model = None
    shape = (table.relation.size,)
    return model.llr_raw(table.columns, shape) if model else np.full(shape, np.nan)


def _figures(
    whole: PairTable,
    zoos: tuple[tuple[str, str], ...],
    proposition: str,
    llr: Values,
    estimable: NDArray[np.bool_],
    seed: int,
) -> _Found:
    judge = Judge(whole, seed=seed)
    unrelated = (whole.relation == UNRELATED) & estimable
    sides = {
        "related": np.isin(whole.relation, POSITIVES[proposition]) & estimable,
        "unrelated": unrelated,
        SAME_DATA: unrelated & (whole.columns[SAME_DATA] == 1),
    }
    resampled = (judge.weights, pair_weights(zoos, seed=seed))
    values: dict[str, tuple[Values, Values]] = {}
    units: dict[str, tuple[int, int]] = {}
    for side, chosen in sides.items():
        lineages = judge.lineages(chosen) if side == "related" else judge.families(chosen)
        counts = (lineages, len({zoo for zoo, yes in zip(zoos, chosen, strict=True) if yes}))
        told = [_told(llr[chosen], weights[chosen]) for weights in resampled]
        for place, kind in enumerate(("median", "strong")):
            values[f"{kind}_{side}"] = (told[0][place], told[1][place])
            units[f"{kind}_{side}"] = counts
    return _Found(values, units, {side: int(chosen.sum()) for side, chosen in sides.items()})


def _told(llr: Values, weights: Values) -> tuple[Values, Values]:
    """(b,) medians, and shares of at least STRONG."""
    total = weights.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return weighted.median(llr, weights), (llr >= STRONG) @ weights / total


def _averaged(found: Sequence[_Found]) -> dict[str, Any]:
    first = found[0]
    plain: dict[str, Any] = {**first.pairs, "lineages": first.units["median_related"][0]}
    limits: dict[str, list[float | None] | None] = {}
    for name, units in first.units.items():
        means = [np.mean([one.values[name][way] for one in found], axis=0) for way in (0, 1)]
        plain[name] = number(float(means[0][0]))
        ends = [interval(mean, families=n) for mean, n in zip(means, units, strict=True)]
        hull = _hull([one for one in ends if one])
        if name.startswith("strong") and plain[name] is not None:
            hull = with_rare_events(hull, plain[name], first.pairs[name.removeprefix("strong_")])
        limits[name] = [number(end) for end in hull] if hull else None
    return plain | {"intervals": limits}


def _hull(ends: Sequence[tuple[float, float]]) -> Limits:
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else None
