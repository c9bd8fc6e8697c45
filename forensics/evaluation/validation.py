"""How well scores and LLRs of a labelled population do: per relation, per column and per proposition, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import fusion, metrics
from forensics.evaluation.calibration import Calibration, PropositionModel
from forensics.evaluation.experience import plots
from forensics.evaluation.judging import Judge, filled, number, ranked
from forensics.evaluation.labels import ORDER, RECIPE, UNRELATED
from forensics.evaluation.pairs import POSITIVES, WEIGHTS, PairTable
from forensics.evaluation.resampling import LEVEL, interval

LEAST_PAIRS, LEAST_FAMILIES = 10, 3
JUDGED = ("score_", "llr_", "baseline_")
BASELINE = "baseline_zlib"
LLR_OF = dict.fromkeys(WEIGHTS, "weights") | {
    "component": "lineage",
    "teacher_student": "distilled",
    "closed_family_version": "lineage",
    "shared_base": "base",
}
Chosen = NDArray[np.bool_]


def judged_columns(table: PairTable) -> dict[str, NDArray[np.float64]]:
    """The columns that are judged, empty cells at the median; those that are empty throughout are left out."""
    told = {n: v for n, v in table.columns.items() if n.startswith(JUDGED) and np.isfinite(v).any()}
    return {name: ranked(values) for name, values in told.items()}


def relation_rows(judge: Judge) -> list[dict[str, Any]]:
    """Per documented relation: n, families, and every column's AUC and EER against the cleanly unrelated pairs.

    `gain` is a column's AUC less the naive baseline's under the same weights.
    """
    table = judge.table
    unrelated = table.relation == UNRELATED
    masks = {r: table.relation == r for r in ORDER if (table.relation == r).any()} if unrelated.any() else {}
    found: dict[str, dict[str, Any]] = {relation: {} for relation in masks}
    for name, values in judged_columns(table).items():
        against = judge.background(values, unrelated)
        for relation, related in masks.items():
            found[relation][name] = judge.discrimination(values, related, against)
    return [_relation_row(judge, relation, masks[relation], unrelated, found[relation]) for relation in masks]


def _relation_row(
    judge: Judge, relation: str, related: Chosen, unrelated: Chosen, found: Mapping[str, Any]
) -> dict[str, Any]:
    columns = {name: figures.plain() for name, figures in found.items()}
    if peer := found.get(BASELINE):
        for name, figures in found.items():
            gain = figures.found["auc"] - peer.found["auc"]
            limits = interval(gain, families=figures.families)
            columns[name]["gain"] = number(float(gain[0]))
            columns[name]["intervals"]["gain"] = [number(x) for x in limits] if limits else None
    best = max(columns, key=lambda n: columns[n]["auc"] or 0.0)
    return {
        "relation": relation,
        "n": int(related.sum()),
        "unrelated": int(unrelated.sum()),
        "families": judge.lineages(related),
        "llr": _of_relation(judge, LLR_OF[relation], related, unrelated),
        "best": best,
        "auc": columns[best]["auc"],
        "eer": columns[best]["eer"],
        "columns": columns,
    }


def _of_relation(judge: Judge, name: str, related: Chosen, unrelated: Chosen) -> dict[str, Any] | None:
    """How the LLR that speaks of a relation does on that relation's own pairs, raw and bounded; None without LLRs."""
    raw, bounded = (judge.table.columns.get(f"llr_{name}{end}") for end in ("_raw", ""))
    if raw is None or bounded is None or not np.isfinite(raw).any():
        return None
    told = filled(bounded)
    return judge.likelihood_ratios(raw, related, unrelated) | {
        "proposition": name,
        "cllr_bounded": number(metrics.cllr(told[related], told[unrelated])),
    }


def contrast_row(judge: Judge, column: str = "score_contrast") -> dict[str, Any] | None:
    """One base tuned by different developers against different bases tuned by one developer; None without either."""
    table = judge.table
    values = table.columns.get(column)
    base = (table.relation == "shared_base") & ~table.same_developer if table.same_developer.size else None
    if values is None or base is None or not base.any() or not (table.relation == RECIPE).any():
        return None
    recipe = table.relation == RECIPE
    against = judge.background(ranked(values), recipe)
    told = judge.discrimination(ranked(values), base, against).plain()
    return {
        "column": column,
        "n": int(base.sum()),
        "recipe": int(recipe.sum()),
        "families": judge.lineages(base),
    } | told


def proposition_rows(judge: Judge, calibration: Calibration | None) -> list[dict[str, Any]]:
    """Per proposition what the shipped calibration gives, and `held_out`: its features refitted leave-family-out.

    An empty LLR counts as 0. Without a calibration that covers the population there is no row.
    """
    if calibration is None:
        return []
    rows = (_proposition_row(judge, name, calibration.propositions.get(name)) for name in POSITIVES)
    return [row for row in rows if row]


def _proposition_row(judge: Judge, name: str, model: PropositionModel | None) -> dict[str, Any] | None:
    table = judge.table
    related = np.isin(table.relation, POSITIVES[name])
    unrelated = np.asarray(table.relation == UNRELATED)
    if model is None or not related.any() or not unrelated.any():
        return None
    raw, bounded = table.columns[f"llr_{name}_raw"], table.columns[f"llr_{name}"]
    row: dict[str, Any] = {
        "proposition": name,
        "n": int(related.sum()),
        "unrelated": int(unrelated.sum()),
        "families": judge.lineages(related),
        "features": list(model.features),
        "bounds": [number(b) for b in model.bounds],
        "cllr_floor": number(metrics.cllr_floor(int(related.sum()), int(unrelated.sum()), *model.bounds)),
        "raw": judge.likelihood_ratios(raw, related, unrelated) | plots(raw, related, unrelated),
        "bounded": judge.likelihood_ratios(bounded, related, unrelated) | plots(bounded, related, unrelated),
    }
    held = held_out_llr(table, name, model)
    row["held_out"] = judge.likelihood_ratios(held, related, unrelated) | plots(held, related, unrelated)
    return row


def held_out_llr(table: PairTable, name: str, model: PropositionModel) -> NDArray[np.float64]:
    """(n,) raw log10 LRs of the labelled pairs by fits that saw neither of a pair's two lineages; NaN elsewhere."""
    llr = np.full(table.relation.size, np.nan)
    chosen = np.isin(table.relation, (*POSITIVES[name], UNRELATED))
    llr[chosen] = fusion.held_out(table.labelled(name), model.features)
    return llr


def validation(
    table: PairTable, calibration: Calibration | None, no_lr_reason: str, *, seed: int = 0
) -> dict[str, Any]:
    """Everything that `validate` says of the pairs of one population, as plain JSON."""
    judge = Judge(table, seed=seed)
    return {
        "corpus": table.corpus,
        "pairs": {r: table.count(r) for r in (*ORDER, RECIPE, UNRELATED) if table.count(r)},
        "families": len({name for pair in table.groups for name in pair}),
        "bootstrap": {"unit": "family", "replicates": judge.weights.shape[1] - 1, "level": LEVEL, "seed": seed},
        "calibration": calibration.describe() if calibration else None,
        "fitted_on_this_corpus": bool(calibration and table.corpus in calibration.corpora),
        "no_lr_reason": no_lr_reason,
        "relations": relation_rows(judge),
        "contrast": contrast_row(judge),
        "propositions": proposition_rows(judge, calibration),
    }


def turing_failures(told: Mapping[str, Any]) -> list[str]:
    """The propositions whose reported (bounded) LRs mislead more often than Turing's rule allows."""
    return [row["proposition"] for row in told["propositions"] if not row["bounded"]["turing_holds"]]
