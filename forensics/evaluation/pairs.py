"""A population's matrices beside its documented relations: one row for every unordered pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.fusion import LabelledPairs
from forensics.evaluation.labels import ORDER, RECIPE, UNRELATED, Labels

WEIGHTS = ("same_weights", "parent_child", "shared_parent")
POSITIVES: Mapping[str, tuple[str, ...]] = {
    "weights": WEIGHTS,
    "base": ("shared_base",),
    "distilled": ("teacher_student",),
    "lineage": (*WEIGHTS, "component", "teacher_student", "shared_base"),
}


@dataclass(frozen=True)
class PairTable:
    """n pairs of one corpus.

    relation: (n,) str objects. groups: lineages of the two sides. columns: name -> (n,). same_developer: (n,) bool,
    empty where nobody asked.
    """

    corpus: str
    relation: NDArray[np.object_]
    groups: tuple[tuple[str, str], ...]
    columns: Mapping[str, NDArray[np.float64]]
    same_developer: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def labelled(self, proposition: str) -> LabelledPairs:
        """The pairs that are positive for a proposition or cleanly unrelated, each of weight 1."""
        related = np.isin(self.relation, POSITIVES[proposition])
        chosen = related | (self.relation == UNRELATED)
        everything = LabelledPairs(self.columns, related, np.ones(related.size), self.groups)
        return everything.take(np.asarray(chosen))

    def independent(self) -> PairTable:
        """The same pairs, families named after the corpus: one of the same name elsewhere is another lineage."""
        groups = tuple((f"{self.corpus}/{a}", f"{self.corpus}/{b}") for a, b in self.groups)
        return replace(self, groups=groups)

    def count(self, relation: str) -> int:
        """How many pairs bear that relation."""
        return int((self.relation == relation).sum())


def pair_table(
    corpus: str, models: Sequence[str], matrices: Mapping[str, NDArray[np.floating]], labels: Labels
) -> PairTable:
    """The upper triangle of (m, m) matrices with the documented relation of each pair.

    Models without a row in lineage.csv are left out.
    """
    told = [
        (i, j, relation)
        for (i, a), (j, b) in combinations(enumerate(models), 2)
        if (relation := labels.relation(a, b)) in (*ORDER, RECIPE, UNRELATED)
    ]
    rows, columns = [i for i, _, _ in told], [j for _, j, _ in told]
    return PairTable(
        corpus,
        np.array([relation for _, _, relation in told], dtype=object),
        tuple((labels.lineage_group(models[i]), labels.lineage_group(models[j])) for i, j, _ in told),
        {name: matrix[rows, columns].astype(np.float64) for name, matrix in matrices.items()},
        np.array([labels.developer(models[i]) == labels.developer(models[j]) for i, j, _ in told], dtype=bool),
    )
