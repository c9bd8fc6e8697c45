"""The word for a pair, from its bounded likelihood ratios."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forensics.records import Relation

SUPPORT = 1.0
CONTRARY = -0.5
SAME_BITS = -0.002


def relations(llr: Mapping[str, NDArray[np.float64]], scores: Mapping[str, NDArray[np.float64]]) -> NDArray[np.object_]:
    """(m, m) relation words.

    An LR of at least 10 is asked for before a relation is named; among several, shared weights come first, then the
    larger of distilled and common base. ``same`` is said only where next-token distributions on raw text agree to
    0.002 bits, since replies alone cannot tell a copy from a light fine-tune. ``unrelated`` needs an LR below 1/3 for
    any lineage.
    """
    weights, base, distilled, lineage = (llr[k] for k in ("weights", "base", "distilled", "lineage"))
    shape = weights.shape
    word = np.full(shape, Relation.NOT_DETERMINED.value, dtype=object)
    with np.errstate(invalid="ignore"):
        word[lineage <= CONTRARY] = Relation.UNRELATED.value
        word[(base >= SUPPORT) & ~(distilled > base)] = Relation.COMMON_SOURCE.value
        word[(distilled >= SUPPORT) & ~(base >= distilled)] = Relation.DISTILLED.value
        word[weights >= SUPPORT] = Relation.DERIVED.value
        identical = scores.get("logprobs", np.full(shape, np.nan)) >= SAME_BITS
        word[identical] = Relation.SAME.value
    return word
