"""Open set: which references are kept as candidates, and which stand out from the unrelated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from forensics.evaluation.background import strongest, unrelated_p
from forensics.lineage.records import Comparison
from forensics.records import Relation
from forensics.stats.tails import tail_p

ALPHA = 0.05
# With fewer pairs no conformal p can be 5 % or less, and nothing could be excluded.
LEAST_RELATED = 19
Values = NDArray[np.float64]


@dataclass(frozen=True)
class OpenSet:
    """For each reference, in the order given: background p, its Holm-adjusted value, and conformal p of kin.

    background: how often an unrelated pair is as alike. related: how often a pair of shared weights is as little
    alike, NaN where the calibration keeps fewer than 19 such pairs.
    """

    background: Values
    holm: Values
    related: Values

    @property
    def claimed(self) -> NDArray[np.bool_]:
        """References that stand out with an error rate of at most 5 % over all of them together."""
        return np.isfinite(self.holm) & (self.holm <= ALPHA)

    @property
    def kept(self) -> NDArray[np.bool_]:
        """References that are not too little alike for shared weights, or that are claimed."""
        return (np.isfinite(self.related) & (self.related > ALPHA)) | self.claimed


def holm(p_values: Values) -> Values:
    """Holm-adjusted p-values in the order given, in (0, 1]; NaN stays NaN and does not count (Holm 1979)."""
    adjusted = np.full(p_values.size, np.nan)
    usable = np.flatnonzero(np.isfinite(p_values))
    order = usable[np.argsort(p_values[usable], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def open_set(comparison: Comparison, questioned: int, references: Sequence[int]) -> OpenSet:
    """What the population says of the references of one questioned model (places in `comparison.models`)."""
    columns = list(references)
    frozen = comparison.background
    background = frozen.unrelated_p[questioned, columns] if frozen else background_p(comparison, questioned, columns)
    kin = comparison.kin[questioned, columns]
    related = np.sort(np.asarray(comparison.calibration.get("background", {}).get("related", ()), dtype=np.float64))
    conformal = (1 + np.searchsorted(related, kin, side="right")) / (1 + related.size)
    told = np.isfinite(kin) & (related.size >= LEAST_RELATED)
    return OpenSet(background, _adjusted(comparison, columns, background), np.where(told, conformal, np.nan))


def _adjusted(comparison: Comparison, columns: Sequence[int], p_values: Values) -> Values:
    """Holm-adjusted p-values where references found to be the same model are one hypothesis, with the largest p."""
    same = comparison.relation[np.ix_(columns, columns)] == Relation.SAME.value
    count, group = connected_components(csr_matrix(same), directed=False)
    of_group = np.full(count, np.nan)
    for k, p in zip(group.tolist(), p_values.tolist(), strict=True):
        of_group[k] = np.fmax(of_group[k], p)
    return np.asarray(np.where(np.isfinite(p_values), holm(of_group)[group], np.nan))


def background_p(comparison: Comparison, questioned: int, columns: Sequence[int]) -> Values:
    """P-values, in (0, 1], that an unrelated reference is as strongly indicated as each of these; NaN where untold.

    Where an LR is reported and its calibration keeps unrelated pairs: how often one of those has as large an LR. Else
    the tail of fused similarity among all pairs without the questioned model, relatives set aside (see `tail_p`).
    """
    others = np.delete(np.arange(len(comparison.models)), questioned)
    among = comparison.kin[np.ix_(others, others)][np.triu_indices(others.size, 1)]
    alike = tail_p(among, comparison.kin[questioned, columns])
    kept = comparison.calibration.get("background", {}).get("unrelated", {})
    ratios = strongest({name: matrix[questioned, columns] for name, matrix in comparison.llr_raw.items()})
    indicated = unrelated_p(kept, ratios)
    return np.asarray(np.where(np.isfinite(indicated), indicated, alike))
