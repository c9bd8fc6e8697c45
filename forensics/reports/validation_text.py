"""A validation in words and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forensics.evaluation.validation import BASELINE, LEAST_FAMILIES, LEAST_PAIRS
from forensics.tables import text_table

LLR_FIGURES = (
    ("AUC", "auc"),
    ("EER", "eer"),
    ("Cllr", "cllr"),
    ("Cllr min", "cllr_min"),
    ("Cllr cal", "cllr_cal"),
    ("LR>=10", "misleading_10"),
    ("LR>=100", "misleading_100"),
    ("LR>=1000", "misleading_1000"),
)
JUDGED = (("reported", "bounded"), ("shipped, raw", "raw"), ("leave-family-out, raw", "held_out"))


def with_interval(row: Mapping[str, Any], name: str) -> str:
    """A figure and its interval, as in ``.871 [.745, .958]``; a dash where either is not estimable."""
    if row.get(name) is None:
        return "-"
    return f"{figure_word(row[name])} [{interval_word(row['intervals'].get(name))}]"


def interval_word(limits: Sequence[float] | None) -> str:
    """The ends of an interval, or a dash where it is not estimable."""
    return ", ".join(map(figure_word, limits)) if limits else "-"


def figure_word(value: float) -> str:
    """Three decimals, four near 0 and 1, without the leading zero."""
    text = f"{value:.4f}" if 0 < abs(value) < 0.01 or 0.99 < abs(value) < 1 else f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def report_text(told: Mapping[str, Any]) -> str:
    """The whole validation, section by section."""
    return "\n\n".join(part for part in _parts(told) if part)


def _parts(told: Mapping[str, Any]) -> Iterable[str]:
    counted = ", ".join(f"{name} {n}" for name, n in told["pairs"].items())
    yield f"Corpus {told['corpus']}: {told['models']} models of {told['families']} families. Pairs: {counted}"
    boot = told["bootstrap"]
    yield (
        f"In brackets: {boot['level']:.0%} intervals, {boot['replicates']} resamples of the families on both sides of "
        "a pair. A dash: not estimable (fewer than three families)."
    )
    yield "Against cleanly unrelated pairs, best column (an empty score ranks at the median)"
    yield _relations(told["relations"])
    yield f"AUC of every column; {BASELINE} is the naive peer, * a column whose interval of the gain over it is above 0"
    yield _columns(told["relations"])
    if row := told["contrast"]:
        yield (
            f"One base tuned by different developers ({row['n']} pairs) against one developer's different bases "
            f"({row['recipe']}), {row['column']}: AUC {with_interval(row, 'auc')}"
        )
    yield from _ratios(told)
    yield from _teachers(told.get("teachers") or [])
    yield from _curve(told.get("curve") or [])
    yield f"A figure is firm with at least {LEAST_PAIRS} pairs from {LEAST_FAMILIES} families."


def _relations(rows: Sequence[Mapping[str, Any]]) -> str:
    cells = []
    for row in rows:
        best = row["columns"][row["best"]]
        figures = (with_interval(best, "auc"), with_interval(best, "eer"))
        cells.append([row["relation"], row["n"], row["unrelated"], row["families"], *figures, row["best"]])
    return text_table(("relation", "n", "unrelated", "families", "AUC", "EER", "column"), cells)


def _columns(rows: Sequence[Mapping[str, Any]]) -> str:
    names = sorted({name for row in rows for name in row["columns"]})
    cells = [[name, *(_with_star(row["columns"].get(name)) for row in rows)] for name in names]
    return text_table(("column", *(row["relation"] for row in rows)), cells)


def _with_star(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return "-"
    gain = figures["intervals"].get("gain")
    return with_interval(figures, "auc") + (" *" if gain and gain[0] > 0 else "")


def _ratios(told: Mapping[str, Any]) -> Iterable[str]:
    """The likelihood ratios, or why there are none."""
    if told["no_lr_reason"]:
        yield f"No LR reported: {told['no_lr_reason']}"
        return
    calibration = told["calibration"]
    seen = " It was fitted on this corpus among others: see the leave-family-out rows."
    note = seen if told["fitted_on_this_corpus"] else ""
    yield f"Calibration {calibration['name']} {calibration['version']} ({calibration['hash'][:12]}).{note}"
    yield "Per relation, raw, by the LLR that speaks of it (an empty LLR counts as 0)"
    rows = [
        [r["relation"], r["llr"]["proposition"], r["n"], *_figures(r["llr"])] for r in told["relations"] if r["llr"]
    ]
    header = (*(title for title, _ in LLR_FIGURES), "coverage", "Turing")
    yield text_table(("relation", "LLR", "n", *header), rows)
    yield "Per LLR, over all its relations"
    rows = [
        [row["proposition"], how, row["n"], row["families"], *_figures(row[key])]
        for row in told["propositions"]
        for how, key in JUDGED
    ]
    yield text_table(("LLR", "judged", "n", "families", *header), rows)
    floors = ", ".join(f"{row['proposition']} {row['cllr_floor']:.3f}" for row in told["propositions"])
    yield f"Cllr that perfect separation would still cost under the bounds: {floors}"


def _figures(figures: Mapping[str, Any]) -> list[object]:
    turing = "holds" if figures["turing_holds"] else "FAILS"
    return [*(with_interval(figures, name) for _, name in LLR_FIGURES), figures["coverage"], turing]


def _teachers(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if rows:
        yield (
            "The documented teacher's family among those released by the student's date, one vote per developer and "
            "teacher family; minor: without the two most used teachers"
        )
        cells = []
        for row in rows:
            sides = [row["all"], row["minor"]]
            told = [
                [side["n"], with_interval(side, "first"), with_interval(side, "three")] if side else [0, "-", "-"]
                for side in sides
            ]
            cells.append([row["by"], *told[0], *told[1]])
        yield text_table(("ranked by", "votes", "first", "in three", "minor", "first", "in three"), cells)


def _curve(rows: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if rows:
        yield "Accuracy against the number of prompts: refitted leave-family-out on each draw, mean of the draws"
        cells = [
            [r["proposition"], r["prompts"], r["draws"], r["n"], with_interval(r, "cllr"), with_interval(r, "auc")]
            for r in rows
        ]
        yield text_table(("LLR", "prompts", "draws", "n", "Cllr", "AUC"), cells)
