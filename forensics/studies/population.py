"""How far a pair's likelihood ratio moves when the population around it changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.findings import Row, share, spread
from forensics.lineage.comparison import fingerprinted, scores_of
from forensics.lineage.fingerprints import Fingerprinted
from forensics.studies.sample import Sample

STUDY = "population change"
LEAST_MODELS = 50
MODELS_GONE, DRAWS = 0.3, 3
LINEAGES = 2
PROMPTS_GONE, THINNED = 0.4, 3
COPIED = 1
TENFOLD = 1.0
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Change:
    """One change: the population after it, and the models whose pairs are counted (None: all that stay)."""

    kind: str
    found: Sequence[Fingerprinted]
    counted: Collection[str] | None = None


def rows(sample: Sample, *, seed: int = 0) -> Iterator[Row]:
    """Per kind of change: |change| of the raw log10 LR for weights over pairs that stay (median, 95th percentile,
    most), and of the pairs at LR 10 or more the share that falls below it. Nothing for fewer than 50 models."""
    model = sample.calibration.propositions.get("weights") if sample.calibration else None
    if model is None or len(sample.found) < LEAST_MODELS:
        return
    before = _llr(sample, sample.found)
    told: dict[str, list[tuple[list[tuple[int, int]], Matrix, Matrix]]] = {}
    for change in changes(sample, np.random.default_rng(seed)):
        told.setdefault(change.kind, []).append(_held_together(sample, change, before))
    for kind, parts in told.items():
        groups = sample.groups([pair for pairs, _, _ in parts for pair in pairs])
        first, then = (np.concatenate([part[side] for part in parts]) for side in (1, 2))
        of = {"study": STUDY, "corpus": sample.corpus, "of": kind, "by": "llr_weights_raw", "draws": len(parts)}
        yield from spread(of, np.abs(then - first), groups, seed=seed)
        if (strong := first >= TENFOLD).any():
            among = [pair for pair, yes in zip(groups, strong, strict=True) if yes]
            yield share(of, "falls_below_10", then[strong] < TENFOLD, among, seed=seed)


def changes(sample: Sample, rng: np.random.Generator) -> Iterator[Change]:
    """Every change, drawn in the order of the models' content so that their names decide nothing."""
    order = sorted(range(len(sample.found)), key=lambda k: sample.sets[sample.found[k].model].content_hash)
    members = [sample.found[k] for k in order]
    size = len(members)
    for _ in range(DRAWS):
        kept = rng.permutation(size)[round(MODELS_GONE * size) :]
        yield Change("30 % of the models gone", [members[k] for k in np.sort(kept)])
    lineage = [sample.labels.lineage_group(member.model) for member in members]
    for name, count in Counter(lineage).most_common(LINEAGES):
        kept_too = [member for member, own in zip(members, lineage, strict=True) if own != name]
        yield Change(f"a lineage of {count} models gone", kept_too)
    for k in rng.permutation(size)[:THINNED].tolist():
        thinned = [*members[:k], _thinned(sample, members[k].model, rng), *members[k + 1 :]]
        yield Change("40 % of one model's prompts gone", thinned, {members[k].model})
    for k in rng.permutation(size)[:COPIED].tolist():
        yield Change("a copy of a model added", [*members, replace(members[k], model=f"{members[k].model} (copy)")])


def _thinned(sample: Sample, model: str, rng: np.random.Generator) -> Fingerprinted:
    responses = sample.sets[model]
    asked = sorted(responses.by_prompt)
    kept = {asked[k] for k in rng.permutation(len(asked))[round(PROMPTS_GONE * len(asked)) :].tolist()}
    return fingerprinted([responses.on(kept)], sample.prompts, sample.channels)[0]


def _llr(sample: Sample, found: Sequence[Fingerprinted]) -> dict[tuple[str, str], float]:
    """Raw log10 LR for weights of every ordered pair, by name."""
    assert sample.calibration
    scores = scores_of(found, sample.prompts, sample.channels)
    llr = sample.calibration.propositions["weights"].llr_raw(scores, (len(found), len(found)))
    names = [item.model for item in found]
    return {(a, b): float(llr[i, j]) for i, a in enumerate(names) for j, b in enumerate(names) if i != j}


def _held_together(
    sample: Sample, change: Change, before: dict[tuple[str, str], float]
) -> tuple[list[tuple[int, int]], Matrix, Matrix]:
    """The pairs that stay and are counted, with their LLRs before and after; those estimable both times."""
    after = _llr(sample, change.found)
    place = {name: k for k, name in enumerate(sample.result.models)}
    kept = [
        (a, b)
        for a, b in before
        if a < b
        and (change.counted is None or {a, b} & set(change.counted))
        and np.isfinite(before[a, b])
        and np.isfinite(after.get((a, b), np.nan))
    ]
    told = [np.array([llr[pair] for pair in kept]) for llr in (before, after)]
    return [(place[a], place[b]) for a, b in kept], told[0], told[1]
