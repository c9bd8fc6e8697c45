"""Where a student's weights come from, when its behaviour comes from a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from forensics.lineage.records import Comparison
from forensics.records import Relation
from forensics.stats.sources import gains

TAUGHT = 1.0
VOICED = 0.5
LEAST_GAIN = 0.08
LEAST_RATIO = 2.0
LEAST_OTHERS = 3
SHARE = (Relation.SAME.value, Relation.DERIVED.value, Relation.COMMON_SOURCE.value)


@dataclass(frozen=True, slots=True)
class OwnBase:
    """reference: whose weights a taught model shows; kin: the references of its lineage. gain, next_gain: ln of how
    much more of the model's raw text is unexplained without that lineage, and without the next one."""

    reference: int
    kin: frozenset[int]
    gain: float
    next_gain: float


def own_base(comparison: Comparison, q: int, columns: Sequence[int]) -> OwnBase | None:
    """The reference whose weights a taught model shows in its next-token distributions on raw text, or None.

    Teaching moves a student away from its own base towards its teacher, so it is looked at as a mixture of all
    references at once. Models of one kind of text all explain a little of each other; a base is needed 8 % more than
    that, and twice as much as any other lineage beside the teacher's. None for a model that nobody taught (raw LR for
    distillation of 10), where next-token distributions on raw text are not at hand, and where fewer than three lineages
    beside the teacher's are there: then nothing tells a base from a model of like data.
    """
    if "logprobs" not in comparison.scores:
        return None
    places = _comparable(comparison, q, columns)
    taught = comparison.llr_raw["distilled"][q][places]
    if not (taught >= TAUGHT).any():
        return None
    lineage = _lineages(comparison, places)
    teaching = _teaching(comparison, places, lineage, int(np.nanargmax(taught)))
    others = sorted({*lineage.tolist()} - teaching)
    if len(others) < LEAST_OTHERS:
        return None
    apart = np.exp(-comparison.scores["logprobs"])
    between = apart[np.ix_(places, places)]
    np.fill_diagonal(between, 0.0)
    gain = gains(apart[q, places], between, lineage)
    ranked = sorted(others, key=lambda group: -gain[group])
    first, second = float(gain[ranked[0]]), float(gain[ranked[1]])
    if not first >= max(LEAST_GAIN, LEAST_RATIO * second):
        return None
    kin = places[lineage == ranked[0]]
    return OwnBase(int(kin[np.argmin(apart[q, kin])]), frozenset(kin.tolist()), first, second)


def _comparable(comparison: Comparison, q: int, columns: Sequence[int]) -> NDArray[np.int64]:
    """References with next-token distributions beside the questioned model's; not its copies, which would explain all
    of it."""
    told = np.isfinite(comparison.scores["logprobs"][q]) & (comparison.relation[q] != Relation.SAME.value)
    return np.array([r for r in columns if told[r]], dtype=np.int64)


def _lineages(comparison: Comparison, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each reference's lineage: those that share weights or a base, directly or by way of others."""
    joined = np.isin(comparison.relation[np.ix_(places, places)].astype(str), SHARE)
    return np.asarray(connected_components(csr_matrix(joined), directed=False)[1], dtype=np.int64)


def _teaching(comparison: Comparison, places: NDArray[np.int64], lineage: NDArray[np.int64], teacher: int) -> set[int]:
    """The lineages that speak with the teacher's voice: its own, those taught by it or teaching it, and the likeliest
    of the others where an LR of 3 says so. A lineage too many on this side can only leave the base unnamed."""
    own = lineage == lineage[teacher]
    pairs = np.ix_(places[own], places)
    voiced = comparison.relation[pairs] == Relation.DISTILLED.value
    likely = np.where(own, -np.inf, np.nan_to_num(comparison.llr_raw["distilled"][pairs], nan=-np.inf)).max(axis=0)
    nearest = lineage[likely >= max(VOICED, float(likely.max()))]
    return {int(lineage[teacher]), *lineage[voiced.any(axis=0)].tolist(), *nearest.tolist()}
