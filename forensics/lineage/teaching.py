"""Where a student's weights come from, when its behaviour comes from a teacher."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from forensics.lineage.records import Comparison
from forensics.records import Relation

TAUGHT = 1.0
LEAST = 0.5
SHARE = frozenset({Relation.SAME.value, Relation.DERIVED.value, Relation.COMMON_SOURCE.value})


def own_base(comparison: Comparison, q: int, columns: Sequence[int]) -> int | None:
    """The reference whose weights a taught model shows in its next-token distributions on raw text, or None.

    Teaching moves a student's distributions towards its teacher's and away from its own base's, so the LR for a
    shared base is smaller than without it: here 3 is enough, among references that are neither its teachers (raw LR
    for distillation of 10) nor kin of one of them. None for a model that nobody taught, and where next-token
    distributions on raw text are not at hand.
    """
    taught, base = comparison.llr_raw["distilled"][q], comparison.llr_raw["base"][q]
    raw_text = comparison.scores.get("logprobs", np.full_like(comparison.kin, np.nan))[q]
    teachers = [r for r in columns if taught[r] >= TAUGHT]
    if not teachers:
        return None
    rest = [
        r
        for r in columns
        if r not in teachers
        and base[r] >= LEAST
        and np.isfinite(raw_text[r])
        and not SHARE.intersection(comparison.relation[teachers, r])
    ]
    return max(rest, key=lambda r: base[r], default=None)
