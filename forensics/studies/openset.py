"""Whether "none of these" is said when all relatives are taken away, and the relative named when it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from forensics.evaluation.findings import Row, share
from forensics.evaluation.labels import ORDER, UNRELATED, Labels
from forensics.lineage.openset import open_set
from forensics.lineage.records import Comparison

STUDY = "open set"
LEAST_REFERENCES = 10


def rows(corpus: str, result: Comparison, labels: Labels, *, seed: int = 0) -> Iterator[Row]:
    """Per recording: the share of questioned models for which no unrelated reference stands out, and per documented
    relation the mean share of relatives that do stand out when put, one at a time, among the unrelated references.

    Questioned models with fewer than ten unrelated references, or with nothing estimable, are left out.
    """
    withheld = {"study": STUDY, "corpus": corpus, "of": "relatives withheld", "by": "open_set"}
    none: list[tuple[str, float]] = []
    named: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for q, model in enumerate(result.models):
        relation = np.array([labels.relation(model, other) if other != model else "" for other in result.models])
        strangers = np.flatnonzero(relation == UNRELATED).tolist()
        if len(strangers) >= LEAST_REFERENCES and np.isfinite(result.kin[q, strangers]).any():
            own = labels.lineage_group(model)
            none.append((own, float(not open_set(result, q, strangers).claimed.any())))
            for kind in (kind for kind in ORDER if (relation == kind).any()):
                named[kind].append((own, _named(result, q, np.flatnonzero(relation == kind).tolist(), strangers)))
    if none:
        yield _row(withheld, "none_of_these", none, seed)
    for kind in (kind for kind in ORDER if kind in named):
        yield _row(withheld | {"of": kind}, "relative_named", named[kind], seed)


def _named(result: Comparison, q: int, relatives: Sequence[int], strangers: Sequence[int]) -> float:
    """The share of the relatives that stand out, each alone among the strangers."""
    return float(np.mean([open_set(result, q, [r, *strangers]).claimed[0] for r in relatives]))


def _row(of: Row, measure: str, found: Sequence[tuple[str, float]], seed: int) -> Row:
    return share(of, measure, np.array([v for _, v in found]), [(own, own) for own, _ in found], seed=seed)
