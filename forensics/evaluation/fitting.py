"""Fitting a calibration on labelled populations, pooled over corpora."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from forensics.errors import BadInput
from forensics.evaluation import fusion
from forensics.evaluation.background import background
from forensics.evaluation.calibration import PropositionModel
from forensics.evaluation.fusion import LabelledPairs
from forensics.evaluation.pairs import PairTable

POOLED_RIDGE = 0.03
"""For several recordings together, which differ more from each other than their pairs do."""
TEXT_FEATURES: Mapping[str, tuple[str, ...]] = {
    "weights": ("agreement", "agreement_names"),
    "base": ("agreement", "agreement_names"),
    "distilled": ("agreement_prefix", "style"),
    "lineage": ("agreement", "agreement_names", "agreement_prefix", "style"),
}


def pool(parts: Sequence[LabelledPairs]) -> LabelledPairs:
    """All parts together. Within a part each side counts like the square root of its pairs, so that no corpus rules.

    A column that a part lacks is missing there.
    """
    names = sorted({name for part in parts for name in part.scores})
    weights = []
    for part in parts:
        weight = part.weight.copy()
        for side in (part.related, ~part.related):
            if side.any():
                weight[side] /= np.sqrt(side.sum())
        weights.append(weight)
    return LabelledPairs(
        {n: np.concatenate([p.scores.get(n, np.full(p.related.size, np.nan)) for p in parts]) for n in names},
        np.concatenate([p.related for p in parts]),
        np.concatenate(weights),
        [group for part in parts for group in part.groups],
    )


def fit_proposition(pairs: LabelledPairs, features: Sequence[str], *, ridge: float = fusion.RIDGE) -> PropositionModel:
    """A fusion fitted on all pairs, its bounds taken from leave-family-out LRs where these are to be had."""
    model = fusion.fit(pairs, features, ridge=ridge)
    raw = fusion.held_out(pairs, features, ridge=ridge)
    told = np.isfinite(raw)
    if min((pairs.related & told).sum(), (~pairs.related & told).sum()) < fusion.LEAST_PER_SIDE:
        return model
    return fusion.with_bounds(model, raw[told], pairs.take(told))


def fit_calibration(
    tables: Sequence[PairTable],
    *,
    name: str,
    version: str,
    origin: str,
    conditions: Mapping[str, Any],
    features: Mapping[str, Sequence[str]] = TEXT_FEATURES,
    ridge: float = fusion.RIDGE,
    own_ridge: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """The JSON of a calibration. A proposition with fewer than 5 positives is left out, and so gets no LR.

    own_ridge: of propositions that want another ridge than the rest. Raises BadInput when no proposition can be fitted.
    """
    ridges = dict(own_ridge or {})
    propositions: dict[str, Any] = {}
    models: dict[str, PropositionModel] = {}
    skipped: list[str] = []
    for proposition, wanted in features.items():
        pairs = pool([table.labelled(proposition) for table in tables])
        try:
            models[proposition] = fit_proposition(pairs, wanted, ridge=ridges.get(proposition, ridge))
        except BadInput as problem:
            skipped.append(f"{proposition}: {problem}")
            continue
        propositions[proposition] = rounded(asdict(models[proposition]))
    if not propositions:
        raise BadInput(f"nothing can be fitted on these labels ({'; '.join(skipped)})")
    return {
        "name": name,
        "version": version,
        "origin": origin,
        "corpora": [table.corpus for table in tables],
        "conditions": dict(conditions),
        "ridge": ridge,
        **({"own_ridge": ridges} if ridges else {}),
        "propositions": propositions,
        "background": background(tables, models),
    }


def rounded(value: Any) -> Any:
    """Numbers to ten significant digits, so that the file does not hang on the last bit of a solver."""
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value
