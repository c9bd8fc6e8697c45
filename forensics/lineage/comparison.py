"""Every pair of a population: scores, likelihood ratios, relation and distance. Blind to labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics import channels, registry
from forensics.channels import Channel, ChannelResult
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.cohort import cohort_normalise, population_normalise
from forensics.features import tokens
from forensics.features.copies import constant_models, copy_weights
from forensics.features.population import Population
from forensics.lineage.content import content_hash
from forensics.lineage.fingerprints import Fingerprinted, Progress, distinct, fingerprints, makers_of, silent
from forensics.lineage.kin import KIN, background_p, contrast, distances, fuse_kin
from forensics.lineage.observed import refusals
from forensics.lineage.ratios import likelihood_ratios
from forensics.lineage.records import Comparison
from forensics.lineage.relations import relations
from forensics.provenance import run_manifest
from forensics.records import Prompt, ResponseSet

REPLICATES = 100
WORDING = "agreement"
"""The channel whose prompts count, and whose replicates support a tree."""
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """How a comparison is made, whichever models it is of.

    suite_hash lets a calibration that is tied to a suite apply. known: the calibrations to choose from, those shipped
    by default. extra: channels to run that run on request only; the columns of the others are there and empty.
    """

    suite_hash: str = ""
    seed: int = 0
    replicates: int = REPLICATES
    known: Sequence[Calibration] | None = None
    extra: Collection[str] = ()

    def manifest(self) -> dict[str, Any]:
        """What a result depends on besides its data."""
        told = {"replicates": self.replicates, "suite_hash": self.suite_hash, "extra": sorted(self.extra)}
        return run_manifest(told, seed=self.seed)


@dataclass(frozen=True)
class Material:
    """What a comparison was made of, for those who ask why: see `forensics.lineage.explanation`.

    models: in the order of the comparison. tokenizers: theirs. populations: feature to their fingerprints. results:
    channel to its scores before any cohort normalisation. constant: (m,) models that give one reply to most prompts.
    witness: (m,) what each model counts for in a cohort, 0 for those. chosen: the calibration in use; reason: why none.
    """

    models: tuple[str, ...]
    populations: Mapping[str, Population]
    results: Mapping[str, ChannelResult]
    constant: NDArray[np.bool_]
    witness: NDArray[np.float64]
    chosen: Calibration | None
    reason: str = ""

    @property
    def tables(self) -> Population:
        """The models' token tables."""
        return self.populations[tokens.FEATURE]

    def support(self) -> Iterator[dict[str, Matrix]]:
        """The statistics that make kin, in every bootstrap replicate, before normalisation."""
        replicates = self.results[WORDING].replicates
        for b in range(len(replicates[KIN[0]])):
            yield {name: _without(self.constant, replicates[name][b]) for name in KIN}


def compare(
    sets: Iterable[ResponseSet],
    prompts: Mapping[str, Prompt],
    *,
    suite_hash: str = "",
    cache: Path | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
    known: Sequence[Calibration] | None = None,
    keep: Callable[[Material], None] | None = None,
    extra: Collection[str] = (),
) -> Comparison:
    """The comparison of all pairs of the given response sets, models sorted by code point.

    sets may be a generator: one set is held at a time, its fingerprints are kept (in `cache` too, by content hash).
    suite_hash, seed, replicates, known, extra: see `Plan`. keep: is handed what the comparison was made of. Raises
    BadInput for fewer than two models, a name given twice, or a channel in `extra` that does not run on request. The
    same input and seed give the same result, whatever the order of the sets.
    """
    report = progress or silent
    plan = Plan(suite_hash, seed, replicates, known, extra)
    plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
    found = distinct(fingerprints(sets, makers_of(plugins, prompts, extra), cache, jobs, report))
    made = material_of(found, prompts, plan, report)
    if keep:
        keep(made)
    told = comparison_of(made, plan, support=support_distances(made))
    report("done", 1.0)
    return replace(told, refusals=refusals(made.models, made.populations[plugins["refusals"].feature], prompts))


def material_of(
    found: Sequence[Fingerprinted], prompts: Mapping[str, Prompt], plan: Plan, report: Progress
) -> Material:
    """What every channel says of a population, sorted by name, and the calibration whose conditions cover it."""
    plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
    populations = _populations(plugins, found)
    constant, witness = _witnesses(populations[tokens.FEATURE])
    weights = bootstrap_weights(prompts, plan.replicates, plan.seed)
    results = _channel_results(plugins, populations, prompts, weights, report)
    chosen, reason = calibrations.choose(
        calibrations.shipped() if plan.known is None else plan.known,
        models=round(float(witness.sum())),
        suite_hash=plan.suite_hash,
        tokenizers=sorted({item.tokenizer for item in found}),
    )
    return Material(tuple(item.model for item in found), populations, results, constant, witness, chosen, reason)


def comparison_of(made: Material, plan: Plan, *, support: NDArray[np.float32]) -> Comparison:
    """The comparison that the material comes to. support: (r, m, m) distances of the bootstrap replicates."""
    scores = _normalised(made.results, made.constant, made.witness)
    kin = fuse_kin(scores)
    counted = made.results[made.chosen.conditions.counted if made.chosen else WORDING].n
    ratios = likelihood_ratios(made.chosen, made.reason, scores, counted, made.witness)
    return Comparison(
        models=made.models,
        prompts=counted,
        scores=scores,
        kin=kin,
        contrast=contrast(scores, made.witness),
        llr=ratios.bounded,
        llr_raw=ratios.raw,
        p_value=background_p(kin),
        status=ratios.status,
        relation=relations(ratios.raw, ratios.bounded, scores),
        distance=distances(kin),
        support_distances=support,
        calibration=(made.chosen.describe() if made.chosen else {}) | {"no_lr_reason": made.reason},
        manifest=plan.manifest(),
    )


def support_distances(made: Material) -> NDArray[np.float32]:
    """(r, m, m) distances of every bootstrap replicate, normalised within the replicate."""
    return np.array(
        [
            distances(fuse_kin({k: cohort_normalise(v, made.witness) for k, v in told.items()})).astype(np.float32)
            for told in made.support()
        ]
    )


def channel_scores(
    sets: Iterable[ResponseSet], prompts: Mapping[str, Prompt], wanted: Iterable[str], *, jobs: int = 1
) -> tuple[tuple[str, ...], dict[str, Matrix]]:
    """Models sorted by code point, and the scores that `compare` would give them, of the wanted channels alone.

    For studies of the engine that compare a population many times: no LR, no bootstrap, nothing kept in a cache.
    """
    found = distinct(fingerprinted(sets, prompts, wanted, jobs=jobs))
    return tuple(item.model for item in found), scores_of(found, prompts, wanted)


def fingerprinted(
    sets: Iterable[ResponseSet], prompts: Mapping[str, Prompt], wanted: Iterable[str], *, jobs: int = 1
) -> list[Fingerprinted]:
    """Fingerprints for the wanted channels, sorted by model."""
    return fingerprints(sets, makers_of(_chosen(wanted), prompts, ()), None, jobs, silent)


def scores_of(
    found: Sequence[Fingerprinted], prompts: Mapping[str, Prompt], wanted: Iterable[str]
) -> dict[str, Matrix]:
    """The scores of the wanted channels within a population of such fingerprints."""
    plugins = _chosen(wanted)
    populations = _populations(plugins, found)
    results = _channel_results(plugins, populations, prompts, np.zeros((0, len(prompts)), np.float32), silent)
    return _normalised(results, *_witnesses(populations[tokens.FEATURE]))


def _chosen(wanted: Iterable[str]) -> dict[str, Channel]:
    return {name: registry.load(channels.PACKAGE, name) for name in sorted({*wanted, WORDING})}


def bootstrap_weights(prompts: Mapping[str, Prompt], replicates: int, seed: int) -> NDArray[np.float32]:
    """(replicates, p) float32 counts of resampling the prompts with replacement, columns in sorted id order.

    Prompts are drawn in the order of their content, so that their ids change nothing.
    """
    weights = np.zeros((replicates, len(prompts)), dtype=np.float32)
    if prompts:
        order = sorted(range(len(prompts)), key=[content_hash(prompts[i]) for i in sorted(prompts)].__getitem__)
        uniform = np.full(len(prompts), 1 / len(prompts))
        weights[:, order] = np.random.default_rng(seed).multinomial(len(prompts), uniform, size=replicates)
    return weights


def _populations(plugins: Mapping[str, Channel], found: Sequence[Fingerprinted]) -> dict[str, Population]:
    """Feature to the population's fingerprints: one for all channels of a feature."""
    features = sorted({plugin.feature for plugin in plugins.values()})
    return {feature: Population(item.prints[feature] for item in found) for feature in features}


def _witnesses(tables: Population) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(m,) which models say the same to most prompts, and what each counts for in a cohort: 0 for those."""
    constant = constant_models(tables)
    return constant, np.where(constant, 0.0, copy_weights(tables))


def _normalised(
    results: Mapping[str, ChannelResult], constant: NDArray[np.bool_], witness: NDArray[np.float64]
) -> dict[str, Matrix]:
    """Every channel's scores by name, beside the population where they mean something only there."""
    return {name: _beside(name, result, constant, witness) for result in results.values() for name in result.scores}


def _channel_results(
    plugins: Mapping[str, Channel],
    populations: Mapping[str, Population],
    prompts: Mapping[str, Prompt],
    weights: NDArray[np.float32],
    report: Progress,
) -> dict[str, ChannelResult]:
    results: dict[str, ChannelResult] = {}
    for done, (name, plugin) in enumerate(plugins.items()):
        report(f"channel {name}", 0.2 + 0.7 * done / len(plugins))
        results[name] = plugin.compare(populations[plugin.feature], prompts, weights=weights)
    report("likelihood ratios", 0.9)
    return results


def _beside(name: str, result: ChannelResult, constant: NDArray[np.bool_], witness: NDArray[np.float64]) -> Matrix:
    matrix = estimable(name, result, constant)
    if name in result.cohort:
        return cohort_normalise(matrix, witness)
    return population_normalise(matrix, witness) if name in result.scaled else matrix


def estimable(name: str, result: ChannelResult, constant: NDArray[np.bool_]) -> Matrix:
    """One score before normalisation; nothing of wording is told of models that give one reply to most prompts."""
    return _without(constant, result.scores[name]) if result.of_wording else result.scores[name]


def _without(constant: NDArray[np.bool_], matrix: NDArray[np.floating]) -> Matrix:
    """The matrix with nothing estimable for models that give one reply to most prompts."""
    told = matrix.astype(np.float64)
    told[constant], told[:, constant] = np.nan, np.nan
    return told
