"""How well scores and LLRs of a labelled population do, per relation, with n."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import fusion, metrics
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.labels import ORDER, UNRELATED
from forensics.evaluation.pairs import POSITIVES, WEIGHTS, PairTable
from forensics.tables import text_table

LEAST_PAIRS, LEAST_FAMILIES = 10, 3


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values with empty ones at the median."""
    finite = np.isfinite(values)
    return np.where(finite, values, np.median(values[finite]) if finite.any() else 0.0)


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None


LLR_OF = dict.fromkeys(WEIGHTS, "weights") | {
    "component": "lineage",
    "teacher_student": "distilled",
    "closed_family_version": "lineage",
    "shared_base": "base",
}


def relation_rows(table: PairTable) -> list[dict[str, Any]]:
    """Per documented relation: n, families, and the AUC of every column against the cleanly unrelated pairs."""
    unrelated = table.relation == UNRELATED
    rows = []
    for relation in ORDER:
        related = table.relation == relation
        if not related.any() or not unrelated.any():
            continue
        aucs = {}
        for name, values in table.columns.items():
            if name.startswith(("score_", "llr_")) and np.isfinite(values).any():
                told = _ranked(values)
                aucs[name] = _number(metrics.auc(told[related], told[unrelated]))
        best = max(aucs, key=lambda n: aucs[n] or 0.0)
        told = _ranked(table.columns[best])
        rows.append(
            {
                "relation": relation,
                "llr": _of_relation(table, LLR_OF[relation], related, unrelated),
                "n": int(related.sum()),
                "unrelated": int(unrelated.sum()),
                "families": len({min(g) for g, r in zip(table.groups, related, strict=True) if r}),
                "best": best,
                "auc": aucs[best],
                "eer": _number(metrics.eer(told[related], told[unrelated])),
                "aucs": aucs,
            }
        )
    return rows


def _of_relation(
    table: PairTable, name: str, related: NDArray[np.bool_], unrelated: NDArray[np.bool_]
) -> dict[str, Any] | None:
    """How the LLR that speaks of a relation does on that relation's own pairs, raw and bounded; None without LLRs."""
    raw, bounded = table.columns.get(f"llr_{name}_raw"), table.columns.get(f"llr_{name}")
    if raw is None or bounded is None or not np.isfinite(raw).any():
        return None
    kept = related | unrelated
    filled = np.where(np.isfinite(bounded), bounded, 0.0)
    return _judged(raw[kept], related[kept]) | {
        "proposition": name,
        "coverage": _number(float(np.isfinite(raw[kept]).mean())),
        "cllr_bounded": _number(metrics.cllr(filled[related], filled[unrelated])),
    }


def proposition_rows(table: PairTable, calibration: Calibration | None) -> list[dict[str, Any]]:
    """Per proposition: AUC, EER, Cllr (raw, bounded, floor, min), coverage and misleading evidence, with n.

    An empty LLR counts as 0. `held_out` repeats the raw figures with the same features refitted leave-family-out on
    this corpus alone.
    """
    return [
        row
        for name in POSITIVES
        if (row := _proposition_row(table, name, calibration)) and row["n"] and row["unrelated"]
    ]


def _proposition_row(table: PairTable, name: str, calibration: Calibration | None) -> dict[str, Any]:
    pairs = table.labelled(name)
    raw, bounded = pairs.scores[f"llr_{name}_raw"], pairs.scores[f"llr_{name}"]
    row: dict[str, Any] = {
        "proposition": name,
        "n": int(pairs.related.sum()),
        "unrelated": int((~pairs.related).sum()),
        "families": fusion.families(pairs),
        "coverage": _number(float(np.isfinite(raw).mean())) if raw.size else None,
    }
    row |= _judged(raw, pairs.related)
    filled = np.where(np.isfinite(bounded), bounded, 0.0)
    row["cllr_bounded"] = _number(metrics.cllr(filled[pairs.related], filled[~pairs.related]))
    row["turing_holds_bounded"] = metrics.misleading(filled[~pairs.related]).turing_holds
    model = calibration.propositions.get(name) if calibration else None
    if model:
        row["bounds"] = [_number(b) for b in model.bounds]
        row["cllr_floor"] = _number(metrics.cllr_floor(row["n"], row["unrelated"], *model.bounds))
        held = fusion.held_out(pairs, model.features) if row["n"] else raw
        row["held_out"] = _judged(held, pairs.related) | {"coverage": _number(float(np.isfinite(held).mean()))}
    return row


def _judged(llr: NDArray[np.float64], related: NDArray[np.bool_]) -> dict[str, Any]:
    filled = np.where(np.isfinite(llr), llr, 0.0)
    yes, no = filled[related], filled[~related]
    wrong = metrics.misleading(no)
    return {
        "auc": _number(metrics.auc(yes, no)),
        "eer": _number(metrics.eer(yes, no)),
        "cllr": _number(metrics.cllr(yes, no)),
        "cllr_min": _number(metrics.cllr_min(yes, no)),
        "misleading": {str(k): _number(v) for k, v in wrong.rates.items()},
        "turing_holds": wrong.turing_holds,
    }


def validation(table: PairTable, calibration: Calibration | None, no_lr_reason: str) -> dict[str, Any]:
    """Everything that `validate` prints and writes, as plain JSON."""
    return {
        "corpus": table.corpus,
        "pairs": {relation: table.count(relation) for relation in (*ORDER, UNRELATED) if table.count(relation)},
        "calibration": calibration.describe() if calibration else None,
        "fitted_on_this_corpus": bool(calibration and table.corpus in calibration.corpora),
        "no_lr_reason": no_lr_reason,
        "relations": relation_rows(table),
        "propositions": proposition_rows(table, calibration),
    }


def report_text(result: Mapping[str, Any]) -> str:
    """The validation in words and tables."""
    parts = [f"Corpus {result['corpus']}: " + ", ".join(f"{k} {v}" for k, v in result["pairs"].items())]
    rows = [[r["relation"], r["n"], r["families"], r["auc"], r["eer"], r["best"]] for r in result["relations"]]
    parts.append("Against cleanly unrelated pairs, best column (an empty score ranks at the median)")
    parts.append(text_table(("relation", "n", "families", "AUC", "EER", "column"), rows))
    columns = sorted({name for r in result["relations"] for name in r["aucs"]})
    parts.append("AUC of every column")
    parts.append(
        text_table(
            ("column", *(r["relation"] for r in result["relations"])),
            [[name, *(r["aucs"].get(name) for r in result["relations"])] for name in columns],
        )
    )
    if result["no_lr_reason"]:
        return "\n\n".join([*parts, f"No LR reported: {result['no_lr_reason']}"])
    calibration = result["calibration"]
    seen = " It was fitted on this corpus among others: see the leave-family-out rows."
    note = seen if result["fitted_on_this_corpus"] else ""
    parts.append(f"Calibration {calibration['name']} {calibration['version']} ({calibration['hash'][:12]}).{note}")
    parts.append("Per relation, by the LLR that speaks of it (an empty LLR counts as 0)")
    told = [
        [r["relation"], r["llr"]["proposition"], r["n"], r["unrelated"], *_figures(r["llr"]), r["llr"]["cllr_bounded"]]
        for r in result["relations"]
        if r["llr"]
    ]
    parts.append(text_table(("relation", "LLR", "n", "unrelated", *FIGURES, "Cllr bounded"), told))
    parts.append("Per LLR, over all its relations")
    judged = []
    for row in result["propositions"]:
        judged.append([*_line(row, "shipped", row), row["cllr_bounded"], row.get("cllr_floor")])
        if "held_out" in row:
            judged.append([*_line(row, "leave-family-out", row["held_out"]), None, None])
    header = ("LLR", "judged", "n", "unrelated", *FIGURES, "Cllr bounded", "floor")
    parts.append(text_table(header, judged))
    parts.append(f"A figure is firm with at least {LEAST_PAIRS} pairs from {LEAST_FAMILIES} families.")
    return "\n\n".join(parts)


FIGURES = ("coverage", "AUC", "EER", "Cllr raw", "Cllr min", "LR>=10", "LR>=100", "LR>=1000", "Turing")


def _figures(figures: Mapping[str, Any]) -> list[object]:
    """The cells under FIGURES."""
    turing = "holds" if figures["turing_holds"] else "FAILS"
    names = ("coverage", "auc", "eer", "cllr", "cllr_min")
    return [*(figures[name] for name in names), *figures["misleading"].values(), turing]


def _line(row: Mapping[str, Any], how: str, figures: Mapping[str, Any]) -> list[object]:
    return [row["proposition"], how, row["n"], row["unrelated"], *_figures(figures)]
