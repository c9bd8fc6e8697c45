"""Leave-corpus-out: what a calibration fitted on the other corpora is worth on one that it has never seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.evaluation.calibration import PropositionModel
from forensics.evaluation.fitting import POOLED_RIDGE, TEXT_FEATURES, fit_proposition, pool
from forensics.evaluation.fusion import LabelledPairs, fit
from forensics.evaluation.judging import Judge, number
from forensics.evaluation.labels import UNRELATED
from forensics.evaluation.pairs import POSITIVES, PairTable


def leave_corpus_out(
    tables: Sequence[PairTable], features: Mapping[str, Sequence[str]] = TEXT_FEATURES, *, seed: int = 0
) -> list[dict[str, Any]]:
    """Per corpus and proposition: `raw` and `bounded` figures of LRs fitted on all other corpora, with intervals.

    `families_unseen` repeats the raw figures by a fit that saw no pair of a family of the judged corpus either; None
    where too little is left to fit. Only pairs are judged to which the shipped calibration gives an LR, if it does.
    """
    rows = []
    for table in tables:
        others = [other for other in tables if other is not table]
        judge = Judge(table, seed=seed)
        for name, wanted in features.items():
            if others and (row := _row(judge, name, wanted, others)):
                rows.append({"corpus": table.corpus, "proposition": name} | row)
    return rows


def _row(judge: Judge, name: str, wanted: Sequence[str], others: Sequence[PairTable]) -> dict[str, Any] | None:
    table = judge.table
    related, unrelated = np.isin(table.relation, POSITIVES[name]), np.asarray(table.relation == UNRELATED)
    seen = pool([other.labelled(name) for other in others])
    model = _fitted(seen, wanted) if related.any() and unrelated.any() else None
    if model is None:
        return None
    raw = where_reported(table, name, model.llr_raw(table.columns, related.shape))
    own = {family for pair in table.groups for family in pair}
    apart = _fitted(seen.take(np.array([not own & set(pair) for pair in seen.groups], dtype=bool)), wanted, fit)
    strict = where_reported(table, name, apart.llr_raw(table.columns, related.shape)) if apart else None
    return {
        "n": int(related.sum()),
        "unrelated": int(unrelated.sum()),
        "families": judge.lineages(related),
        "fitted_on": {"positives": model.positives, "families": model.families},
        "bounds": [number(b) for b in model.bounds],
        "raw": judge.likelihood_ratios(raw, related, unrelated),
        "bounded": judge.likelihood_ratios(model.bounded(raw), related, unrelated),
        "families_unseen": None if strict is None else judge.likelihood_ratios(strict, related, unrelated),
    }


def _fitted(
    pairs: LabelledPairs, wanted: Sequence[str], by: Callable[..., PropositionModel] = fit_proposition
) -> PropositionModel | None:
    """A fusion, or None with too few pairs or a score nowhere estimable. `fit` is faster, its bounds are rough."""
    try:
        return by(pairs, wanted, ridge=POOLED_RIDGE)
    except BadInput:
        return None


def where_reported(table: PairTable, name: str, llr: NDArray[np.float64]) -> NDArray[np.float64]:
    """The LLRs, empty where the conditions of the shipped calibration do not cover a pair."""
    shipped = table.columns.get(f"llr_{name}_raw")
    if shipped is None or not np.isfinite(shipped).any():
        return llr
    return np.where(np.isfinite(shipped), llr, np.nan)
