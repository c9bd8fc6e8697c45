"""Whether "none of these" is said when all relatives are taken away, and the relative named when it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

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
    none: list[tuple[str, float]] = []
    named: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for q, model in enumerate(result.models):
        relation = np.array([labels.relation(model, other) if other != model else "" for other in result.models])
        strangers = np.flatnonzero(relation == UNRELATED).tolist()
        if len(strangers) < LEAST_REFERENCES or not np.isfinite(result.kin[q, strangers]).any():
            continue
        own = labels.lineage_group(model)
        none.append((own, float(not open_set(result, q, strangers).claimed.any())))
        for kind in ORDER:
            if kin := np.flatnonzero(relation == kind).tolist():
                found = [bool(open_set(result, q, [r, *strangers]).claimed[0]) for r in kin]
                named[kind].append((own, float(np.mean(found))))
    of = {"study": STUDY, "corpus": corpus}
    told = [({"of": "relatives withheld"}, "none_of_these", none)]
    told += [({"of": kind}, "relative_named", named[kind]) for kind in ORDER if kind in named]
    for what, measure, found_of in told:
        if found_of:
            groups = [(own, own) for own, _ in found_of]
            yield share(of | what | {"by": "open_set"}, measure, np.array([v for _, v in found_of]), groups, seed=seed)
