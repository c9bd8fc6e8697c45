"""Figures of one population's pairs with their family-bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import fusion, metrics, weighted
from forensics.evaluation.pairs import PairTable
from forensics.evaluation.resampling import REPLICATES, interval, pair_weights, with_rare_events

Values = NDArray[np.float64]
Chosen = NDArray[np.bool_]
RATE = "misleading_"


@dataclass(frozen=True)
class Figures:
    """Named figures of some pairs: each (1+replicates,), the value itself first.

    families: on the related side. unrelated: pairs behind the rates, if there are any.
    """

    found: Mapping[str, Values]
    families: int
    unrelated: int = 0

    def plain(self) -> dict[str, Any]:
        """The values by name, and under ``intervals`` the 95 % family-bootstrap interval of each; None if unknown."""
        limits = {name: self._limits(name, values) for name, values in self.found.items()}
        told: dict[str, Any] = {name: number(float(values[0])) for name, values in self.found.items()}
        told["intervals"] = {name: [number(x) for x in pair] if pair else None for name, pair in limits.items()}
        return told

    def _limits(self, name: str, values: Values) -> tuple[float, float] | None:
        limits = interval(values, families=self.families)
        return with_rare_events(limits, float(values[0]), self.unrelated) if name.startswith(RATE) else limits


def number(value: float) -> float | None:
    """The value to six decimals; None where it is not finite."""
    return round(value, 6) + 0.0 if np.isfinite(value) else None


def ranked(values: Values) -> Values:
    """The values with empty ones at the median."""
    finite = np.isfinite(values)
    return np.where(finite, values, np.median(values[finite]) if finite.any() else 0.0)


def filled(llr: Values) -> Values:
    """LLRs with empty ones at 0: no LR is no evidence."""
    return np.where(np.isfinite(llr), llr, 0.0)


class Judge:
    """Judges columns of a table's pairs, every figure under the same bootstrap weights."""

    def __init__(self, table: PairTable, *, replicates: int = REPLICATES, seed: int = 0) -> None:
        self.table = table
        self.weights = pair_weights(table.groups, replicates=replicates, seed=seed)

    def families(self, related: Chosen) -> int:
        """The number of lineages that occur among those pairs, on either side."""
        return len({name for pair, yes in zip(self.table.groups, related, strict=True) if yes for name in pair})

    def lineages(self, related: Chosen) -> int:
        """The number of independent lineages among those pairs: groups that none of them joins."""
        pairs = fusion.LabelledPairs({}, related, np.ones(related.size), self.table.groups)
        return fusion.families(pairs)

    def background(self, values: Values, unrelated: Chosen) -> weighted.Unrelated:
        """The unrelated pairs' values, sorted once for every relation that is held against them."""
        return weighted.Unrelated(values[unrelated], self.weights[unrelated])

    def discrimination(self, values: Values, related: Chosen, against: weighted.Unrelated) -> Figures:
        """auc and eer of a score, higher meaning more alike."""
        yes, weights = values[related], self.weights[related]
        found = {"auc": weighted.auc(yes, weights, against), "eer": weighted.eer(yes, weights, against)}
        return Figures(found, self.families(related))

    def likelihood_ratios(self, llr: Values, related: Chosen, unrelated: Chosen) -> dict[str, Any]:
        """auc, eer, cllr (with its least and the rest), misleading_10 ... of log10 LRs, and Turing's rule, as JSON.

        An empty LLR counts as 0; `coverage` is the share that is not empty. Where all are, nothing is estimable.
        """
        values = filled(llr)
        against = self.background(values, unrelated)
        yes, weights = values[related], self.weights[related]
        found = dict(self.discrimination(values, related, against).found)
        found["cllr"] = weighted.cllr(yes, weights, against)
        found["cllr_min"] = weighted.cllr_min(yes, weights, against)
        found["cllr_cal"] = found["cllr"] - found["cllr_min"]
        for threshold in metrics.THRESHOLDS:
            found[f"{RATE}{threshold}"] = weighted.rate_from(np.log10(threshold), against)
        kept = related | unrelated
        if not np.isfinite(llr[kept]).any():
            found = {name: np.full_like(values, np.nan) for name in found}
        return Figures(found, self.families(related), int(unrelated.sum())).plain() | {
            "coverage": number(float(np.isfinite(llr[kept]).mean())) if kept.any() else None,
            "turing_holds": metrics.misleading(values[unrelated]).turing_holds,
        }
