"""Fitting one proposition's fusion: ridge logistic regression with non-negative weights, balanced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from forensics.errors import BadInput
from forensics.evaluation import bounds
from forensics.evaluation.calibration import PropositionModel

RIDGE = 0.001
LEAST_PER_SIDE = 5


@dataclass(frozen=True)
class LabelledPairs:
    """Pairs to fit on. scores: column -> (n,). related: (n,) bool. weight: (n,) > 0. groups: lineage of each side."""

    scores: Mapping[str, NDArray[np.float64]]
    related: NDArray[np.bool_]
    weight: NDArray[np.float64]
    groups: Sequence[tuple[str, str]]

    def take(self, chosen: NDArray[np.bool_]) -> LabelledPairs:
        """The chosen pairs."""
        return LabelledPairs(
            {name: values[chosen] for name, values in self.scores.items()},
            self.related[chosen],
            self.weight[chosen],
            [group for group, keep in zip(self.groups, chosen, strict=True) if keep],
        )


def _balanced(pairs: LabelledPairs) -> NDArray[np.float64]:
    """Weights that give both sides half, so that the odds coming out are likelihood ratios."""
    weight = pairs.weight.astype(np.float64).copy()
    for side in (pairs.related, ~pairs.related):
        weight[side] *= 0.5 / weight[side].sum()
    return weight


def _design(scores: Mapping[str, NDArray[np.float64]], features: Sequence[str]) -> tuple[Any, ...]:
    """Standardised columns (0 where missing), missing indicators, and what undoes the standardisation."""
    raw = np.stack([scores[name] for name in features], axis=1)
    absent = ~np.isfinite(raw)
    if empty := [name for name, column in zip(features, absent.T, strict=True) if column.all()]:
        raise BadInput(f"nowhere estimable: {', '.join(empty)}")
    low, high = np.nanmin(raw, axis=0), np.nanmax(raw, axis=0)
    mean, spread = np.nanmean(raw, axis=0), np.nanstd(raw, axis=0)
    spread = np.where(spread == 0, 1.0, spread)
    standard = np.where(absent, 0.0, (raw - mean) / spread)
    return standard, absent, low, high, mean, spread


def fit(pairs: LabelledPairs, features: Sequence[str], *, ridge: float = RIDGE) -> PropositionModel:
    """The fusion of `features`, with its bounds taken from the fitted pairs.

    Minimises the balanced logistic loss plus ridge/2 times the squared weights (standardised scores), weights of
    scores non-negative, those of missing indicators free. Pairs of which nothing is estimable are left out. Raises
    BadInput with fewer than 5 pairs on a side.
    """
    pairs = pairs.take(np.any([np.isfinite(pairs.scores[name]) for name in features], axis=0))
    if min(pairs.related.sum(), (~pairs.related).sum()) < LEAST_PER_SIDE:
        raise BadInput(f"fewer than {LEAST_PER_SIDE} pairs on a side")
    standard, absent, low, high, mean, spread = _design(pairs.scores, features)
    indicators = absent.any(axis=0)
    design = np.concatenate([standard, absent[:, indicators], np.ones((len(standard), 1))], axis=1)
    sign = np.where(pairs.related, 1.0, -1.0)
    weight = _balanced(pairs)
    penalty = np.concatenate([np.full(design.shape[1] - 1, ridge), [0.0]])

    def loss(beta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (design @ beta)
        slope = -weight * sign / (1 + np.exp(np.clip(margin, -500, 500)))
        value = weight @ np.logaddexp(0, -margin) + 0.5 * penalty @ beta**2
        return float(value), design.T @ slope + penalty * beta

    limits = [(0.0, None)] * len(features) + [(None, None)] * (design.shape[1] - len(features))
    start = np.zeros(design.shape[1])
    beta = minimize(loss, start, jac=True, bounds=limits, method="L-BFGS-B", options={"maxiter": 2000}).x
    slopes = beta[: len(features)] / spread
    missing: list[float | None] = [None] * len(features)
    for place, index in enumerate(np.flatnonzero(indicators)):
        missing[index] = float(slopes[index] * mean[index] + beta[len(features) + place])
    model = PropositionModel(
        tuple(features),
        float(beta[-1] - slopes @ mean),
        tuple(float(s) for s in slopes),
        tuple((float(a), float(b)) for a, b in zip(low, high, strict=True)),
        tuple(missing),
        (0.0, 0.0),
        int(pairs.related.sum()),
        int((~pairs.related).sum()),
        families(pairs),
    )
    raw = model.llr_raw(pairs.scores, pairs.related.shape)
    return with_bounds(model, raw, pairs)


def with_bounds(model: PropositionModel, raw: NDArray[np.float64], pairs: LabelledPairs) -> PropositionModel:
    """The same fusion with bounds taken from the given raw LLRs (held-out ones where there are any)."""
    limits = bounds.combined(raw[pairs.related], raw[~pairs.related], model.families)
    fields = {name: getattr(model, name) for name in model.__dataclass_fields__}
    return PropositionModel(**(fields | {"bounds": limits}))


def families(pairs: LabelledPairs) -> int:
    """The number of independent lineages among related pairs: groups that no related pair joins."""
    joined = [group for group, related in zip(pairs.groups, pairs.related, strict=True) if related]
    place = {name: i for i, name in enumerate(sorted({name for group in joined for name in group}))}
    if not place:
        return 0
    rows, columns = [place[a] for a, _ in joined], [place[b] for _, b in joined]
    graph = coo_matrix((np.ones(len(joined)), (rows, columns)), shape=(len(place), len(place)))
    return int(connected_components(graph, directed=False, return_labels=False))


def held_out(
    pairs: LabelledPairs, features: Sequence[str], *, folds: int = 8, ridge: float = RIDGE
) -> NDArray[np.float64]:
    """(n,) raw log10 LRs by fits that saw neither lineage of a pair (leave-family-out on both sides).

    Lineages are dealt to folds in order of size; a pair is judged by a fit on the pairs that touch neither of its two
    folds. NaN where such a fit has too few pairs.
    """
    sizes: dict[str, int] = {}
    for group in pairs.groups:
        for name in group:
            sizes[name] = sizes.get(name, 0) + 1
    fold = {name: i % folds for i, name in enumerate(sorted(sizes, key=lambda g: (-sizes[g], g)))}
    sides = np.array([sorted((fold[a], fold[b])) for a, b in pairs.groups])
    result = np.full(len(sides), np.nan)
    for first, second in sorted({(int(a), int(b)) for a, b in sides}):
        touched = np.asarray(np.isin(sides, (first, second)).any(axis=1))
        judged = np.asarray((sides == (first, second)).all(axis=1))
        try:
            model = fit(pairs.take(~touched), features, ridge=ridge)
        except BadInput:
            continue
        chosen = pairs.take(judged)
        result[judged] = model.llr_raw(chosen.scores, chosen.related.shape)
    return result
