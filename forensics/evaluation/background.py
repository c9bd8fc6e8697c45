"""What a calibration keeps of its labelled pairs, so that a reference can be told from the unrelated without an LR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation.calibration import PropositionModel
from forensics.evaluation.pairs import PairTable

TOP_SHARE = 0.05
MOST = 400
LEAST = 20
SMALLEST = 1e-6
CLAIMS = ("weights", "base", "distilled")
KIN = "score_kin"
Values = NDArray[np.float64]


def strongest(raw: Mapping[str, Values]) -> Values:
    """The largest raw log10 LR for shared weights, a shared base or distillation; NaN where none is estimable."""
    told = np.stack([raw[name] for name in CLAIMS if name in raw])
    return np.asarray(np.fmax.reduce(told, axis=0))


def background(tables: Sequence[PairTable], models: Mapping[str, PropositionModel]) -> dict[str, Any]:
    """`unrelated`: how many pairs, and the largest of their strongest raw LLRs, descending. `related`: fused
    similarities of pairs that share weights, ascending. Empty where the tables hold none."""
    unrelated = [table.labelled("weights").take(~table.labelled("weights").related) for table in tables]
    llrs = [
        strongest({name: model.llr_raw(part.scores, part.related.shape) for name, model in models.items()})
        for part in unrelated
        if any(name in models for name in CLAIMS)
    ]
    told = np.concatenate([values[np.isfinite(values)] for values in llrs] or [np.empty(0)])
    kept = min(MOST, max(LEAST, int(TOP_SHARE * told.size)))
    kin = [table.labelled("weights").take(table.labelled("weights").related).scores.get(KIN) for table in tables]
    alike = np.concatenate([values[np.isfinite(values)] for values in kin if values is not None] or [np.empty(0)])
    return {
        "unrelated": {"pairs": int(told.size), "largest": np.sort(told)[::-1][:kept].round(6).tolist()},
        "related": np.sort(alike).round(6).tolist(),
    }


def unrelated_p(kept: Mapping[str, Any], llr: Values) -> Values:
    """How often a labelled unrelated pair has as strong a raw LLR, in (0, 1]; NaN where `llr` is, or nothing is kept.

    (1 + as strong) / (1 + pairs) among the pairs kept, 1 below them. Above them all, the exponential tail through the
    pairs kept, and never below 1e-6: nobody has seen so many unrelated pairs.
    """
    largest, pairs = np.asarray(kept.get("largest", ()), dtype=np.float64), int(kept.get("pairs", 0))
    if largest.size < LEAST:
        return np.full(llr.shape, np.nan)
    as_strong = largest.size - np.searchsorted(largest[::-1], llr, side="left")
    rank = np.where(as_strong < largest.size, (1 + as_strong) / (1 + pairs), 1.0)
    excess = largest[:-1] - largest[-1]
    with np.errstate(under="ignore", over="ignore"):
        tail = (largest.size / pairs) * np.exp(-(llr - largest[-1]) / max(float(excess.mean()), 1e-9))
    p = np.where(as_strong == 0, np.minimum(tail, 1 / (1 + pairs)), rank)
    return np.asarray(np.where(np.isfinite(llr), np.maximum(p, SMALLEST), np.nan))
