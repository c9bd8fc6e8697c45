"""The word for a pair, from its bounded likelihood ratios."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forensics.records import Relation

RAW_SUPPORT = 1.0
BOUNDED_SUPPORT = 0.5
CONTRARY = -0.5
MARGIN = 1.0
SAME = 5.8
Matrices = Mapping[str, NDArray[np.float64]]


def relations(raw: Matrices, bounded: Matrices, scores: Matrices) -> NDArray[np.object_]:
    """(m, m) relation words.

    Before a relation is named, its calibrated LR must be at least 10 and what the bound leaves of it at least about 3.
    Shared weights come first, unless distillation is ten times more probable still; then the larger of distilled and
    common base. ``same`` is said of those with shared
    weights whose next-token distributions on raw text agree to 0.002 bits, since replies alone cannot tell a copy
    from a light fine-tune. ``unrelated`` needs an LR below 1/3 for any lineage, and none of the others.
    """
    said = {p: (raw[p] >= RAW_SUPPORT) & (bounded[p] >= BOUNDED_SUPPORT) for p in ("weights", "base", "distilled")}
    word = np.full(raw["weights"].shape, Relation.NOT_DETERMINED.value, dtype=object)
    word[bounded["lineage"] <= CONTRARY] = Relation.UNRELATED.value
    word[said["base"]] = Relation.COMMON_SOURCE.value
    word[said["distilled"] & ~(said["base"] & (raw["base"] > raw["distilled"]))] = Relation.DISTILLED.value
    taught = said["distilled"] & (raw["distilled"] >= raw["weights"] + MARGIN)
    word[said["weights"] & ~taught] = Relation.DERIVED.value
    word[said["weights"] & (scores["logprobs"] >= SAME)] = Relation.SAME.value
    return word
