"""Equality: how often halves of one model are told apart, and how often two models are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import kstest

from forensics.channels.one_word import FAMILY
from forensics.corpora import ResponseSource
from forensics.evaluation.equality import REJECTED
from forensics.evaluation.findings import Row, share
from forensics.evaluation.judging import number
from forensics.evaluation.labels import UNRELATED, Labels
from forensics.evaluation.power import ALPHA, Rates, between, rates
from forensics.records import Prompt, ResponseSet

STUDY = "equality"
SPLITS: Mapping[int, int] = {2: 12, 3: 12, 4: 110}
"""Samples a half -> splits of every model of a zoo: with five zoos of nineteen more than 10,000 of the largest."""
SIZES = (2, 3, 4, 6, 8)
TEXTS, REPEATS = 12, 6
POWER: Sequence[tuple[int, int]] = ((2, 5), (2, 10), (3, 10))
"""Samples and prompts at which two models are told apart by their texts."""
SERIES = 100
HALVES = (5, 2)
LEAST_PROMPTS = 5
POWER_REPEATS, POWER_DRAWS = 3, 999
Hit = tuple[tuple[str, str], bool, bool]
"""The lineages of a pair, and whether its LR and its plain e-process reach 10."""


def words_of_zoos(zoos: Mapping[str, tuple[ResponseSource, Labels]], *, seed: int = 0) -> Iterator[Row]:
    """One-word answers of recorded zoos. Per size: the shares of halves of one model at LR 10 or more (and of the
    e-process before it was made cautious), the share of series of a hundred splits with any, and per documented
    relation the shares of pairs told apart."""
    rng = np.random.default_rng(seed)
    asked = {name: _one_word(source) for name, (source, _) in zoos.items()}
    for samples, repeats in SPLITS.items():
        found = {
            name: rates(sets, prompts, samples=samples, asked=len(prompts), repeats=repeats, rng=rng, draws=0)
            for name, (sets, prompts) in asked.items()
        }
        yield from _alarms("zoos", "one-word", found, seed)
    for samples in SIZES:
        told: dict[str, list[Hit]] = {}
        for name, (sets, prompts) in asked.items():
            pairs = between(sets, prompts, samples=samples, asked=len(prompts), repeats=1, rng=rng, draws=0)
            _by_relation(name, sets, zoos[name][1], pairs, told)
        for of in sorted(set(told) - {""}):
            yield from _told(of, f"one-word, {samples} samples", told[of], seed)


def _by_relation(
    name: str, sets: Sequence[ResponseSet], labels: Labels, found: Rates, told: dict[str, list[Hit]]
) -> None:
    """Puts every pair of one zoo under its documented relation; families of one name elsewhere are others."""
    for (a, b), values in zip(found.pairs.tolist(), found.values, strict=True):
        models = sets[a].model, sets[b].model
        one, other = (f"{name}/{labels.lineage_group(model)}" for model in models)
        hits = bool(values[1] >= REJECTED), bool(values[2] >= REJECTED)
        told.setdefault(labels.relation(*models), []).append(((one, other), *hits))


def _told(of: str, by: str, hits: Sequence[Hit], seed: int) -> Iterator[Row]:
    groups = [kin for kin, _, _ in hits]
    head = {"study": STUDY, "corpus": "zoos", "of": of, "by": by}
    yield share(head, "lr_10", np.array([lr for _, lr, _ in hits]), groups, seed=seed)
    yield share(head, "e_process_10", np.array([e for _, _, e in hits]), groups, seed=seed)


def _one_word(source: ResponseSource) -> tuple[list[ResponseSet], dict[str, Prompt]]:
    prompts = {i: p for i, p in source.prompts.items() if p.family == FAMILY}
    return [source.responses(model).on(prompts) for model in source.models], prompts


def texts(corpus: str, source: ResponseSource, *, seed: int = 0) -> Iterator[Row]:
    """Repeated texts of one recording, halves of each model by itself: the shares at LR 10 or more and at p <= .05, and
    whether p-values are too small for chance. Nothing where no model was asked four times on five prompts."""
    rng = np.random.default_rng(seed)
    found: dict[str, Rates] = {}
    for model in source.models:
        responses = source.responses(model)
        samples = next((n for n in HALVES if _often(responses, 2 * n)), 0)
        if samples:
            found[model] = rates([responses], source.prompts, samples=samples, asked=TEXTS, repeats=REPEATS, rng=rng)
    told = {model: one for model, one in found.items() if one.same.size}
    if told:
        yield from _alarms(corpus, "texts", told, seed)
        p = np.concatenate([one.same[:, 0] for one in told.values()])
        head = {"study": STUDY, "corpus": corpus, "of": "one model", "by": "texts"}
        groups = [(model, model) for model, one in told.items() for _ in one.same]
        yield share(head, "p_05", p <= ALPHA, groups, seed=seed)
        least = float(kstest(p, "uniform", alternative="greater").pvalue)
        yield head | {
            "n": int(p.size),
            "families": len(told),
            "measure": "p_values_too_small_ks",
            "value": number(least),
            "interval": None,
            "no_interval": "a p-value",
        }


def texts_of_two(corpus: str, source: ResponseSource, labels: Labels, *, seed: int = 0) -> Iterator[Row]:
    """The shares of unrelated pairs told apart by repeated texts (p <= .05), for several samples and prompts."""
    rng = np.random.default_rng(seed)
    sets = [responses for model in source.models if _often(responses := source.responses(model), 2)]
    for samples, asked in POWER if len(sets) > 1 else ():
        found = between(
            sets, source.prompts, samples=samples, asked=asked, repeats=POWER_REPEATS, rng=rng, draws=POWER_DRAWS
        )
        names = [(sets[a].model, sets[b].model) for a, b in found.pairs.tolist()]
        kept = np.array([labels.relation(a, b) == UNRELATED for a, b in names], dtype=bool)
        if kept.any():
            among = [pair for pair, yes in zip(names, kept, strict=True) if yes]
            groups = [(labels.lineage_group(a), labels.lineage_group(b)) for a, b in among]
            by = f"texts, {samples} samples of {asked} prompts"
            of = {"study": STUDY, "corpus": corpus, "of": UNRELATED, "by": by}
            yield share(of, "p_05", found.values[kept, 0] <= ALPHA, groups, seed=seed)


def _often(responses: ResponseSet, samples: int) -> bool:
    """Whether enough prompts were asked so often."""
    return sum(len(held) >= samples for held in responses.by_prompt.values()) >= LEAST_PROMPTS


def _alarms(corpus: str, by: str, found: Mapping[str, Rates], seed: int) -> Iterator[Row]:
    """False alarms among halves of one model; splits of one model count as dependent."""
    groups = [(f"{name}/{a}",) * 2 for name, one in found.items() for a in one.pairs[one.of_one, 0].tolist()]
    values = np.concatenate([one.same for one in found.values()])
    sizes = sorted({one.samples for one in found.values()})
    by = f"{by}, {' or '.join(map(str, sizes))} samples a half"
    head = {"study": STUDY, "corpus": corpus, "of": "one model", "by": by}
    alarms = values[:, 1] >= REJECTED
    yield share(head, "lr_10", alarms, groups, seed=seed)
    if np.isfinite(values[:, 2]).any():
        yield share(head, "e_process_10", values[:, 2] >= REJECTED, groups, seed=seed)
    count = alarms.size // SERIES
    if count:
        order = np.random.default_rng(seed).permutation(alarms.size)[: count * SERIES]
        any_of = np.asarray(alarms[order].reshape(count, SERIES).any(axis=1))
        named = [(str(k), str(k)) for k in range(count)]
        yield share(head, "series_of_100_with_any", any_of, named, seed=seed)
