"""Direction: documented parents and children against siblings, between which there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from forensics.evaluation.findings import Row, share
from forensics.lineage.alternatives import strongest_alternative
from forensics.lineage.direction import direction
from forensics.lineage.records import FROM_REFERENCE, UNTOLD, Direction
from forensics.lineage.sharing import Sharing, sharings
from forensics.studies.sample import Sample

STUDY = "direction"
SIBLINGS = "shared_parent"
DOCUMENTED = ("parent_child", "component")
SHARING = "one-sided sharing with outsiders"


@dataclass(frozen=True)
class Pair:
    """Two models by place: the child and its parent, or siblings."""

    child: int
    parent: int
    siblings: bool


def rows(sample: Sample, *, seed: int = 0) -> Iterator[Row]:
    """Of documented parents and children, whose labels name the parent: the shares whose direction the wording alone
    leans to rightly and wrongly, and that are named rightly and wrongly with the release dates. Of siblings: the shares
    that get a lean or a name at all."""
    pairs = documented(sample)
    told = {(pair.child, pair.parent): way for pair, way in _answers(sample, pairs)}
    for siblings in (False, True):
        chosen = [pair for pair in pairs if pair.siblings is siblings]
        if not chosen:
            continue
        ways = [told[pair.child, pair.parent] for pair in chosen]
        groups = sample.groups((pair.child, pair.parent) for pair in chosen)
        of = {"study": STUDY, "corpus": sample.corpus, "of": "siblings" if siblings else "child and parent"}
        for by, answers in (("wording", [_lean(way) for way in ways]), ("dates and wording", [w.answer for w in ways])):
            spoken = np.array([answer != UNTOLD for answer in answers])
            right = np.array([answer == FROM_REFERENCE for answer in answers])
            measured = {"named": spoken} if siblings else {"right": right, "wrong": spoken & ~right}
            for measure, hit in measured.items():
                yield share(of | {"by": by}, measure, hit, groups, seed=seed)


def documented(sample: Sample) -> list[Pair]:
    """Siblings, and pairs of which one names the other as its parent or component; pairs that name neither, or each
    other, are left out."""
    found = []
    models = sample.result.models
    for i, j in combinations(range(len(models)), 2):
        relation = sample.relation(i, j)
        if relation == SIBLINGS:
            found.append(Pair(i, j, siblings=True))
        elif relation in DOCUMENTED:
            named = [_names(sample.labels.lineage[models[a]], models[b]) for a, b in ((i, j), (j, i))]
            if named[0] != named[1]:
                found.append(Pair(*((i, j) if named[0] else (j, i)), siblings=False))
    return found


def _names(row: Mapping[str, str], other: str) -> bool:
    """Whether a row of labels names the other model as parent or component; makers' prefixes set aside."""
    told = [row.get("parent", ""), *row.get("components", "").split(";")]
    return _plain(other) in {_plain(name.rsplit("/", 1)[-1]) for name in told if name.strip()}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _answers(sample: Sample, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Direction]]:
    """Each pair with what is said of it, the child being the questioned model."""
    by_child: dict[int, list[Pair]] = {}
    for pair in pairs:
        by_child.setdefault(pair.child, []).append(pair)
    foci = [[child, *(pair.parent for pair in own)] for child, own in by_child.items()]
    if foci:
        for own, told in zip(by_child.values(), sharings(sample.tables, sample.prompts, foci), strict=True):
            for k, pair in enumerate(own, start=1):
                yield pair, _answer(sample, told, k, pair)


def _answer(sample: Sample, told: Sharing, k: int, pair: Pair) -> Direction:
    result = sample.result
    third = strongest_alternative(told, k, result.models)
    word = str(result.relation[pair.child, pair.parent])
    catalogue = {name: {"release": row["release"]} for name, row in sample.labels.lineage.items() if "release" in row}
    return direction(told, k, result, catalogue, word, third)


def _lean(way: Direction) -> str:
    return next(str(row["leans"]) for row in way.evidence if row["kind"] == SHARING)
