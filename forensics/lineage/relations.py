"""The word for a pair, from its likelihood ratios and, where somebody asked often enough, tests of equality."""

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
LEAST_P = 0.05
MOST_E = 1.3
Matrix = NDArray[np.float64]
Matrices = Mapping[str, Matrix]


def relations(
    raw: Matrices, bounded: Matrices, scores: Matrices, weights: NDArray[np.int64] | None = None
) -> NDArray[np.object_]:
    """(m, m) relation words.

    Before a relation is named, its calibrated LR must be at least 10 and what the bound leaves of it at least about 3.
    Shared weights come first, unless distillation is ten times more probable still; then the larger of distilled and
    common base. ``same`` is said of those with shared weights that are `equal`, since single replies cannot tell a
    copy from a light fine-tune. ``unrelated`` needs an LR below 1/3 for any lineage, and none of the others.

    weights: (m, m) 2 where two weights files are identical, 1 where they are found to share weights. Identical ones are
    the same. Shared ones are no strangers and no mere pupil and teacher: such a pair, or one of which the text decides
    nothing, is called derived; what text says of a closer or a common source stands. Weights that share nothing change
    no word: units can be reordered and turned until no test finds them.
    """
    said = {p: (raw[p] >= RAW_SUPPORT) & (bounded[p] >= BOUNDED_SUPPORT) for p in ("weights", "base", "distilled")}
    word = np.full(raw["weights"].shape, Relation.NOT_DETERMINED.value, dtype=object)
    word[bounded["lineage"] <= CONTRARY] = Relation.UNRELATED.value
    word[said["base"]] = Relation.COMMON_SOURCE.value
    word[said["distilled"] & ~(said["base"] & (raw["base"] > raw["distilled"]))] = Relation.DISTILLED.value
    taught = said["distilled"] & (raw["distilled"] >= raw["weights"] + MARGIN)
    word[said["weights"] & ~taught] = Relation.DERIVED.value
    word[said["weights"] & equal(scores, word.shape)] = Relation.SAME.value
    if weights is not None:
        loose = (Relation.UNRELATED.value, Relation.NOT_DETERMINED.value, Relation.DISTILLED.value)
        word[(weights > 0) & np.isin(word.astype(str), loose)] = Relation.DERIVED.value
        word[weights > 1] = Relation.SAME.value
    return word


def equal(scores: Matrices, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether two models that share weights may be called the same.

    Next-token distributions on raw text decide where they are estimable: those of a copy agree to 0.002 bits, whatever
    its system prompt. Else repeated samples: no test of equality rejects (permutation p > 0.05, log10 e-value < 1.3),
    and at least one was made; `one_word_e` is minus the log10 e-value. Scores that are absent are not estimable.
    """
    nothing = np.full(shape, np.nan)
    next_tokens = scores.get("logprobs", nothing)
    p, e = scores.get("distribution_p", nothing), scores.get("one_word_e", nothing)
    rejected = (p <= LEAST_P) | (-e >= MOST_E)
    tested = np.isfinite(p) | np.isfinite(e)
    return np.asarray(np.where(np.isfinite(next_tokens), next_tokens >= SAME, tested & ~rejected))
