"""Every pair of a population: scores, likelihood ratios, relation and distance. Blind to labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics import channels, registry
from forensics.channels import Channel, ChannelResult, Fingerprint, OnRequest
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.cohort import cohort_normalise, population_normalise
from forensics.features import tokens
from forensics.features.cache import FingerprintCache
from forensics.features.copies import constant_models, copy_weights
from forensics.lineage.kin import KIN, background_p, contrast, distances, fuse_kin
from forensics.lineage.ratios import likelihood_ratios
from forensics.lineage.records import Comparison
from forensics.lineage.relations import relations
from forensics.provenance import run_manifest, sha256_json
from forensics.records import Prompt, ResponseSet

REPLICATES = 100
WORDING = "agreement"
"""The channel whose prompts count, whose replicates support a tree, and whose feature tells copies."""
Progress = Callable[[str, float], None]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Fingerprinted:
    """One model's fingerprints, by feature."""

    model: str
    tokenizer: str
    prints: Mapping[str, Fingerprint]


@dataclass(frozen=True)
class Material:
    """What a comparison was made of, for those who ask why: see `forensics.lineage.explanation`.

    found: fingerprints of the models, in the order of the comparison. results: channel to its scores before any cohort
    normalisation. witness: (m,) what each model counts for in a cohort, 0 for one that gives the same reply to most
    prompts. chosen: the calibration in use.
    """

    found: Sequence[Fingerprinted]
    results: Mapping[str, ChannelResult]
    witness: NDArray[np.float64]
    chosen: Calibration | None

    @property
    def tables(self) -> list[Fingerprint]:
        """The models' token tables."""
        return _tables(self.found)


def _tables(found: Sequence[Fingerprinted]) -> list[Fingerprint]:
    return [item.prints[tokens.FEATURE] for item in found]


def _silent(_stage: str, _share: float) -> None:
    return None


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
    suite_hash lets a calibration that is tied to a suite apply. known: the calibrations to choose from, those shipped
    by default. keep: is handed what the comparison was made of. extra: channels to run that run on request only; the
    columns of the others are there and empty. Raises BadInput for fewer than two models, a name given twice, or a
    channel in `extra` that is no such channel. The same input and seed give the same result, whatever the order of the
    sets.
    """
    report = progress or _silent
    plugins: dict[str, Channel] = registry.load_all(channels.PACKAGE)
    makers = _makers(plugins, prompts, extra)
    found = _fingerprints(sets, makers, cache, jobs, report)
    weights = bootstrap_weights(prompts, replicates, seed)
    results = _channel_results(plugins, found, prompts, weights, report)
    constant, witness = _witnesses(found)
    scores = _normalised(results, constant, witness)
    kin = fuse_kin(scores)
    chosen, reason = calibrations.choose(
        calibrations.shipped() if known is None else known,
        models=round(float(witness.sum())),
        suite_hash=suite_hash,
        tokenizers=sorted({item.tokenizer for item in found}),
    )
    counted = results[chosen.conditions.counted if chosen else WORDING].n
    ratios = likelihood_ratios(chosen, reason, scores, counted, witness)
    if keep:
        keep(Material(found, results, witness, chosen))
    report("done", 1.0)
    return Comparison(
        models=tuple(item.model for item in found),
        prompts=counted,
        scores=scores,
        kin=kin,
        contrast=contrast(scores, witness),
        llr=ratios.bounded,
        llr_raw=ratios.raw,
        p_value=background_p(kin),
        status=ratios.status,
        relation=relations(ratios.raw, ratios.bounded, scores),
        distance=distances(kin),
        support_distances=_support_distances(results[WORDING], constant, witness),
        calibration=(chosen.describe() if chosen else {}) | {"no_lr_reason": reason},
        manifest=run_manifest({"replicates": replicates, "suite_hash": suite_hash, "extra": sorted(extra)}, seed=seed),
    )


def channel_scores(
    sets: Iterable[ResponseSet], prompts: Mapping[str, Prompt], wanted: Iterable[str], *, jobs: int = 1
) -> tuple[tuple[str, ...], dict[str, Matrix]]:
    """Models sorted by code point, and the scores that `compare` would give them, of the wanted channels alone.

    For studies of the engine that compare a population many times: no LR, no bootstrap, nothing kept in a cache.
    """
    found = fingerprinted(sets, prompts, wanted, jobs=jobs)
    return tuple(item.model for item in found), scores_of(found, prompts, wanted)


def fingerprinted(
    sets: Iterable[ResponseSet], prompts: Mapping[str, Prompt], wanted: Iterable[str], *, jobs: int = 1
) -> list[Fingerprinted]:
    """Fingerprints for the wanted channels, sorted by model."""
    return _fingerprints(sets, _makers(_chosen(wanted), prompts, ()), None, jobs, _silent)


def scores_of(
    found: Sequence[Fingerprinted], prompts: Mapping[str, Prompt], wanted: Iterable[str]
) -> dict[str, Matrix]:
    """The scores of the wanted channels within a population of such fingerprints."""
    results = _channel_results(_chosen(wanted), found, prompts, np.zeros((0, len(prompts)), np.float32), _silent)
    return _normalised(results, *_witnesses(found))


def _chosen(wanted: Iterable[str]) -> dict[str, Channel]:
    return {name: registry.load(channels.PACKAGE, name) for name in sorted({*wanted, WORDING})}


def bootstrap_weights(prompts: Mapping[str, Prompt], replicates: int, seed: int) -> NDArray[np.float32]:
    """(replicates, p) float32 counts of resampling the prompts with replacement, columns in sorted id order.

    Prompts are drawn in the order of their content, so that their ids change nothing.
    """
    weights = np.zeros((replicates, len(prompts)), dtype=np.float32)
    if prompts:
        asked = {i: sha256_json({k: v for k, v in p.as_json().items() if k != "prompt_id"}) for i, p in prompts.items()}
        order = sorted(range(len(prompts)), key=[asked[i] for i in sorted(prompts)].__getitem__)
        uniform = np.full(len(prompts), 1 / len(prompts))
        weights[:, order] = np.random.default_rng(seed).multinomial(len(prompts), uniform, size=replicates)
    return weights


@dataclass(frozen=True)
class Maker:
    """The channel that makes a feature, and the prompts whose responses it is given; None for all."""

    channel: str
    reads: frozenset[str] | None


def _makers(plugins: Mapping[str, Channel], prompts: Mapping[str, Prompt], extra: Collection[str]) -> dict[str, Maker]:
    """What makes each feature. A channel that runs on request is given no responses unless it was asked for."""
    requested = {name: plugin for name, plugin in plugins.items() if isinstance(plugin, OnRequest)}
    if odd := sorted(set(extra) - set(requested)):
        raise BadInput(f"no channel that runs on request: {', '.join(odd)}; known: {', '.join(sorted(requested))}")
    reads = {name: p.prompts_read(prompts) if name in extra else frozenset() for name, p in requested.items()}
    return {plugin.feature: Maker(name, reads.get(name)) for name, plugin in plugins.items()}


def _fingerprint_one(work: tuple[ResponseSet, dict[str, Maker], Path | None]) -> Fingerprinted:
    """All fingerprints of one response set, by feature. Runs in a worker process where there are several."""
    responses, makers, folder = work
    cache = FingerprintCache(folder)
    found: dict[str, Fingerprint] = {}
    for feature, maker in makers.items():
        given = responses if maker.reads is None else responses.on(maker.reads)
        make = partial(registry.load(channels.PACKAGE, maker.channel).fingerprint, given)
        found[feature] = cache.get({"feature": feature, "content": given.content_hash}, make)
    return Fingerprinted(responses.model, responses.tokenizer, found)


def _fingerprints(
    sets: Iterable[ResponseSet], makers: dict[str, Maker], cache: Path | None, jobs: int, report: Progress
) -> list[Fingerprinted]:
    """Fingerprints of every set, sorted by model. A few sets a process are read ahead, never all of them."""
    found: list[Fingerprinted] = []
    work = ((responses, makers, cache) for responses in sets)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) if jobs > 1 else nullcontext() as pool:
        while batch := list(islice(work, jobs * 4)):
            found += pool.map(_fingerprint_one, batch) if pool else map(_fingerprint_one, batch)
            report(f"read {len(found)} models", 0.0)
    found.sort(key=lambda item: item.model)
    names = [item.model for item in found]
    if len(names) < 2:
        raise BadInput(f"a comparison needs at least two models, and there is {len(names)}")
    if twice := sorted({before for before, after in pairwise(names) if before == after}):
        raise BadInput(f"given twice: {', '.join(twice)}")
    return found


def _witnesses(found: Sequence[Fingerprinted]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(m,) which models say the same to most prompts, and what each counts for in a cohort: 0 for those."""
    tables = _tables(found)
    constant, witness = constant_models(tables), copy_weights(tables)
    witness[constant] = 0.0
    return constant, witness


def _normalised(
    results: Mapping[str, ChannelResult], constant: NDArray[np.bool_], witness: NDArray[np.float64]
) -> dict[str, Matrix]:
    """Every channel's scores by name, beside the population where they mean something only there."""
    return {name: _beside(name, result, constant, witness) for result in results.values() for name in result.scores}


def _channel_results(
    plugins: Mapping[str, Channel],
    found: Sequence[Fingerprinted],
    prompts: Mapping[str, Prompt],
    weights: NDArray[np.float32],
    report: Progress,
) -> dict[str, ChannelResult]:
    results: dict[str, ChannelResult] = {}
    for done, (name, plugin) in enumerate(plugins.items()):
        report(f"channel {name}", 0.2 + 0.7 * done / len(plugins))
        results[name] = plugin.compare([f.prints[plugin.feature] for f in found], prompts, weights=weights)
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


def _support_distances(
    result: ChannelResult, constant: NDArray[np.bool_], witness: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Distances of every bootstrap replicate, normalised within the replicate."""
    replicates = [
        distances(
            fuse_kin({k: cohort_normalise(_without(constant, result.replicates[k][b]), witness) for k in KIN})
        ).astype(np.float32)
        for b in range(len(result.replicates[KIN[0]]))
    ]
    return np.array(replicates)
