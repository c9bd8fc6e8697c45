"""How accuracy grows with the number of prompts: which prompts are drawn, and what each draw's pairs come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.evaluation import weighted
from forensics.evaluation.calibration import Calibration
from forensics.evaluation.judging import Figures, Judge, filled
from forensics.evaluation.labels import UNRELATED
from forensics.evaluation.pairs import POSITIVES, PairTable
from forensics.evaluation.validation import held_out_llr
from forensics.provenance import sha256_json
from forensics.records import Prompt

DRAWS: Mapping[int, int] = {10: 5, 25: 4, 50: 3, 100: 2, 200: 1}
"""Number of prompts -> how many draws of that many: in all about as many as one comparison of a large corpus has."""
RECOMPUTED = ("weights", "base")


def by_coverage(answered: Sequence[frozenset[str]], prompts: Mapping[str, Prompt]) -> tuple[str, ...]:
    """Prompt ids that at least two models answered: most answered first, ties in the order of the prompts' content."""
    counts = {i: sum(i in own for own in answered) for i in prompts}
    asked = {i: sha256_json({k: v for k, v in p.as_json().items() if k != "prompt_id"}) for i, p in prompts.items()}
    return tuple(sorted((i for i in prompts if counts[i] > 1), key=lambda i: (-counts[i], asked[i])))


def draws(
    ordered: Sequence[str], *, seed: int = 0, plan: Mapping[int, int] = DRAWS
) -> list[tuple[int, frozenset[str]]]:
    """(size, prompt ids) of every draw, from as many first prompts of `ordered` as the plan can use.

    plan: size -> how many draws; those that cannot be filled are left out. Draws of one size share no prompt.
    """
    pool = list(ordered[: max(size * count for size, count in plan.items())])
    shuffled = [pool[i] for i in np.random.default_rng(seed).permutation(len(pool))]
    cuts = ((size, k * size) for size, count in plan.items() for k in range(count))
    return [(size, frozenset(shuffled[at : at + size])) for size, at in cuts if at + size <= len(shuffled)]


def curve_rows(
    tables: Sequence[tuple[int, PairTable]], calibration: Calibration | None, *, seed: int = 0
) -> list[dict[str, Any]]:
    """Per proposition and number of prompts: auc and cllr of leave-family-out LLRs, averaged over draws of that size.

    tables: (prompts, pairs) of every draw. The features are the calibration's, refitted on each draw's own pairs, so
    that no limit on prompts applies. Intervals are family-bootstrap ones of the average; `spread` is the lowest and
    highest Cllr of a draw.
    """
    rows = []
    for name in RECOMPUTED:
        model = calibration.propositions.get(name) if calibration else None
        for size in sorted({size for size, _ in tables}) if model else ():
            found = [_judged(t, name, held_out_llr(t, name, model), seed) for n, t in tables if n == size]  # type: ignore[arg-type]
            if told := [f for f in found if f]:
                rows.append({"proposition": name, "prompts": size, "draws": len(told)} | _averaged(told))
    return rows


def _judged(table: PairTable, name: str, llr: NDArray[np.float64], seed: int) -> tuple[Figures, int, int] | None:
    """auc and cllr of a draw with the pairs on either side; None where either side is empty."""
    judge = Judge(table, seed=seed)
    related, unrelated = np.isin(table.relation, POSITIVES[name]), np.asarray(table.relation == UNRELATED)
    if not related.any() or not unrelated.any() or not np.isfinite(llr).any():
        return None
    against = judge.background(filled(llr), unrelated)
    yes, weights = filled(llr)[related], judge.weights[related]
    found = {"auc": weighted.auc(yes, weights, against), "cllr": weighted.cllr(yes, weights, against)}
    return Figures(found, judge.families(related)), int(related.sum()), int(unrelated.sum())


def _averaged(told: Sequence[tuple[Figures, int, int]]) -> dict[str, Any]:
    first, n, unrelated = told[0]
    mean = {k: np.mean([figures.found[k] for figures, _, _ in told], axis=0) for k in first.found}
    costs = [float(figures.found["cllr"][0]) for figures, _, _ in told]
    plain = Figures(mean, first.families).plain()
    return {"n": n, "unrelated": unrelated, "spread": [round(min(costs), 6), round(max(costs), 6)]} | plain
