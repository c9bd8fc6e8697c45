"""Mixtures: recorded ensembles, plain models, and replies of two models spliced together by prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.findings import Row, share
from forensics.evaluation.labels import MIXTURES
from forensics.features import tokens
from forensics.lineage.comparison import WORDING, fingerprinted, scores_of
from forensics.lineage.fingerprints import Fingerprinted
from forensics.lineage.inquiry import unlike
from forensics.lineage.kin import fuse_kin
from forensics.lineage.mixtures import mixture
from forensics.lineage.sharing import sharings
from forensics.records import ResponseSet
from forensics.studies.sample import Sample

STUDY = "mixtures"
ENSEMBLES = frozenset({"moa", "ensemble_router"})
PLAIN, SPLICED = 28, 8
STRANGERS = 1.5
LEAST_MODELS = 50
Matrix = NDArray[np.float64]
Tables = Sequence[Mapping[str, NDArray[Any]]]


def rows(sample: Sample, *, seed: int = 0) -> Iterator[Row]:
    """Shares recognised as mixtures: of the recorded ensembles, of 28 plain models drawn, and of eight pairs of
    strangers whose replies are spliced by prompt, while both are among the references and with both withheld. Those
    that are not estimable do not count; nothing for recordings of fewer than 50 models."""
    models = sample.result.models
    if len(models) < LEAST_MODELS:
        return
    rng = np.random.default_rng(seed)
    order = sorted(range(len(models)), key=lambda k: sample.sets[models[k]].content_hash)
    drawn = [order[k] for k in rng.permutation(len(order)).tolist()]
    told = {
        "recorded ensembles": [q for q in drawn if _ensemble(sample, q)],
        "plain models": [q for q in drawn if _plain(sample, q)][:PLAIN],
    }
    for kind, chosen in told.items():
        if chosen:
            groups = sample.groups((q, q) for q in chosen)
            yield from _rows(sample, kind, _recorded(sample, chosen), groups, seed)
    pairs = _strangers(sample, [q for q in drawn if _plain(sample, q)])
    if pairs:
        kinds = ("spliced, sources there", "spliced, sources withheld")
        for kind, found in zip(kinds, _spliced(sample, pairs, rng), strict=True):
            yield from _rows(sample, kind, found, sample.groups(pairs), seed)


def _rows(sample: Sample, kind: str, found: Matrix, groups: Sequence[tuple[str, str]], seed: int) -> Iterator[Row]:
    told = np.isfinite(found)
    among = [group for group, yes in zip(groups, told, strict=True) if yes]
    of = {"study": STUDY, "corpus": sample.corpus, "of": kind, "by": f"{len(sample.prompts)} prompts"}
    if among:
        yield share(of, "recognised", found[told], among, seed=seed)


def _ensemble(sample: Sample, q: int) -> bool:
    row = sample.labels.lineage.get(sample.result.models[q], {})
    return row.get("variant") in ENSEMBLES or row.get("family") in MIXTURES - {""}


def _plain(sample: Sample, q: int) -> bool:
    row = sample.labels.lineage.get(sample.result.models[q])
    return row is not None and not row["variant"] and not row.get("components") and not _ensemble(sample, q)


def _recorded(sample: Sample, chosen: Sequence[int]) -> Matrix:
    """Whether each is recognised, all other models being references."""
    every = range(len(sample.result.models))
    foci = [[q, *unlike(sample.result, q, [r for r in every if r != q])] for q in chosen]
    return _recognised(sample.result.models, sample.tables, sample, foci)


def _strangers(sample: Sample, order: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of models little alike that answered every prompt, no model twice, in the order given."""
    full = [q for q in order if len(sample.sets[sample.result.models[q]].by_prompt) == len(sample.prompts)]
    pairs: list[tuple[int, int]] = []
    while len(full) > 1 and len(pairs) < SPLICED:
        first = full.pop(0)
        other = next((q for q in full if sample.result.kin[first, q] < STRANGERS), None)
        if other is not None:
            full.remove(other)
            pairs.append((first, other))
    return pairs


def _spliced(sample: Sample, pairs: Sequence[tuple[int, int]], rng: np.random.Generator) -> Iterator[Matrix]:
    """Whether each splice is recognised: with its two sources among the references, then with all sources withheld."""
    names = sample.result.models
    sides = [(sample.sets[names[a]], sample.sets[names[b]]) for a, b in pairs]
    made = [_splice(a, b, f"{k} spliced", rng) for k, (a, b) in enumerate(sides)]
    splices = fingerprinted(made, sample.prompts, {WORDING})
    sources = {names[q] for pair in pairs for q in pair}
    for withheld in (frozenset[str](), sources):
        yield _found(sample, [f for f in sample.found if f.model not in withheld], splices)


def _found(sample: Sample, references: Sequence[Fingerprinted], splices: Sequence[Fingerprinted]) -> Matrix:
    found = [*references, *splices]
    kin = fuse_kin(scores_of(found, sample.prompts, {WORDING}))
    told = replace(sample.result, models=tuple(item.model for item in found), kin=kin)
    foci = [[q, *unlike(told, q, range(len(references)))] for q in range(len(references), len(found))]
    return _recognised(told.models, [item.prints[tokens.FEATURE] for item in found], sample, foci)


def _recognised(models: Sequence[str], tables: Tables, sample: Sample, foci: Sequence[Sequence[int]]) -> Matrix:
    """(n,) 1 where a mixture is recognised, 0 where not, NaN where that is not estimable."""
    shared = sharings(tables, sample.prompts, foci)
    found = [mixture(told, range(1, told.focus.size), models) for told in shared]
    return np.array([np.nan if one.gain is None else float(one.recognised) for one in found])


def _splice(first: ResponseSet, second: ResponseSet, name: str, rng: np.random.Generator) -> ResponseSet:
    """Each prompt answered by the one or the other, by the toss of a coin."""
    asked = sorted(first.by_prompt)
    from_first = {i for i, yes in zip(asked, rng.random(len(asked)) < 0.5, strict=True) if yes}
    rest = set(asked) - from_first
    return ResponseSet.of(name, [*first.on(from_first).completions, *second.on(rest).completions])
