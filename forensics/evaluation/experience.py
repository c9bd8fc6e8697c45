"""What a calibration did on pairs of documented relation that its fit had not seen: curves, rates, score distributions.

One record per calibration, shipped beside it. Each recording is judged by a fit on all the others, so that nothing here
flatters itself; the single channels are fitted on all of them, as the calibration is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.evaluation import curves, fusion, metrics
from forensics.evaluation.calibration import Calibration, PropositionModel
from forensics.evaluation.fitting import pool, rounded
from forensics.evaluation.judging import Judge, filled, number
from forensics.evaluation.labels import UNRELATED
from forensics.evaluation.pairs import POSITIVES, PairTable
from forensics.evaluation.transfer import where_reported
from forensics.provenance import sha256_file

SHIPPED = Path(__file__).parent / "validated"
RECORD = SHIPPED / "validation.json"
"""Every single figure of the validation: what `study` writes."""
GROUPS: Mapping[str, tuple[str, ...]] = {
    "unrelated": (UNRELATED,),
    "sibling": ("shared_parent", "shared_base"),
    "distilled": ("teacher_student",),
    "derived": ("same_weights", "parent_child", "component"),
}
"""Documented relations whose scores are shown apart."""
BINS = 40
NOTHING: Mapping[str, Any] = {"recordings": {}, "propositions": [], "alone": {}, "distributions": {}}
"""The record of a calibration that ships none."""
Values = NDArray[np.float64]


def experience(
    tables: Sequence[PairTable], calibration: Calibration, *, ridges: Mapping[str, float], seed: int = 0
) -> dict[str, Any]:
    """The record of a calibration as plain JSON. tables: the labelled pairs that it was fitted on, one per recording.

    ridges: proposition to the ridge of its fit. Raises BadInput for fewer than two tables: nothing could be left out.
    """
    if len(tables) < 2:
        raise BadInput("needs at least two recordings, to judge each by a fit on the others")
    whole = joined(tables)
    judge = Judge(whole, seed=seed)
    llrs = {name: _left_out(tables, name, model, ridges[name]) for name, model in calibration.propositions.items()}
    columns = {f: whole.columns[f] for f in sorted({f for m in calibration.propositions.values() for f in m.weighed})}
    columns |= {f"llr_{name}": llr for name, llr in llrs.items()}
    return {
        "name": calibration.name,
        "version": calibration.version,
        "hash": calibration.hash,
        "recordings": {table.corpus: int(table.relation.size) for table in tables},
        "propositions": [_row(judge, name, calibration.propositions[name], llr) for name, llr in llrs.items()],
        "alone": {name: _alone(tables, name, model, ridges[name]) for name, model in calibration.propositions.items()},
        "distributions": {name: distribution(values, whole.relation) for name, values in columns.items()},
    }


def joined(tables: Sequence[PairTable]) -> PairTable:
    """The pairs of several tables in one; a column that a table lacks is empty there."""
    names = sorted({name for table in tables for name in table.columns})
    return PairTable(
        " ".join(table.corpus for table in tables),
        np.concatenate([table.relation for table in tables]),
        tuple(group for table in tables for group in table.groups),
        {n: np.concatenate([t.columns.get(n, np.full(t.relation.size, np.nan)) for t in tables]) for n in names},
    )


def _left_out(tables: Sequence[PairTable], name: str, model: PropositionModel, ridge: float) -> Values:
    """(n,) raw log10 LRs of all pairs, each table's by a fit on the others; NaN where those are too few."""
    found = []
    for table in tables:
        shape = table.relation.shape
        try:
            others = pool([other.labelled(name) for other in tables if other is not table])
            llr = fusion.fit(others, model.features, ridge=ridge).llr_raw(table.columns, shape)
        except BadInput:
            llr = np.full(shape, np.nan)
        found.append(where_reported(table, name, llr))
    return np.concatenate(found)


def _row(judge: Judge, name: str, model: PropositionModel, raw: Values) -> dict[str, Any]:
    """The figures of one proposition, in the shape of a validation's rows."""
    relation = judge.table.relation
    related = np.isin(relation, POSITIVES[name]) & np.isfinite(raw)
    unrelated = np.asarray(relation == UNRELATED) & np.isfinite(raw)
    n, against = int(related.sum()), int(unrelated.sum())
    judged = {"left_out": raw, "left_out_bounded": model.bounded(raw)}
    return {
        "proposition": name,
        "n": n,
        "unrelated": against,
        "families": judge.lineages(related),
        "features": list(model.features),
        "bounds": [number(b) for b in model.bounds],
        "cllr_floor": number(metrics.cllr_floor(n, against, *model.bounds)),
        **{kind: judge.likelihood_ratios(llr, related, unrelated) | plots(llr, related, unrelated)
           for kind, llr in judged.items()},
    }  # fmt: skip


def plots(llr: Values, related: NDArray[np.bool_], unrelated: NDArray[np.bool_]) -> dict[str, Any]:
    """The Tippett, ECE and error curves of log10 LRs; an empty one counts as 0."""
    yes, no = filled(llr)[related], filled(llr)[unrelated]
    return {"tippett": curves.tippett(yes, no), "ece": curves.ece(yes, no), "errors": curves.errors(yes, no)}


def _alone(tables: Sequence[PairTable], name: str, model: PropositionModel, ridge: float) -> dict[str, Any]:
    """Each weighed score as the only one: the same fit on the same pairs, so that their sum is the naive one."""
    if len(model.features) == 1:
        return {model.features[0]: rounded(asdict(model))}
    pairs = pool([table.labelled(name) for table in tables])
    return {feature: rounded(asdict(fusion.fit(pairs, (feature,), ridge=ridge))) for feature in model.weighed}


def distribution(values: Values, relation: NDArray[np.object_]) -> dict[str, Any]:
    """Histograms of one score by documented relation: `edges` (41,), and for each group n and the `shares` (40,).

    Groups without a pair are left out; a score that is nowhere finite gives no groups.
    """
    groups = {name: values[np.isin(relation, kinds) & np.isfinite(values)] for name, kinds in GROUPS.items()}
    told = {name: found for name, found in groups.items() if found.size}
    everything = np.concatenate([*told.values(), np.zeros(0)])
    low, high = (everything.min(), everything.max()) if everything.size else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    shares = {name: np.histogram(found, edges)[0] / found.size for name, found in told.items()}
    return {
        "edges": [float(f"{e:.6g}") for e in edges],
        "groups": {
            name: {"n": int(found.size), "median": float(f"{np.median(found):.6g}"),
                   "shares": [round(float(s), 6) for s in shares[name]]}
            for name, found in told.items()
        },
    }  # fmt: skip


@cache
def shipped(name: str, digest: str) -> Mapping[str, Any]:
    """The record of the calibration of that name and hash; `NOTHING` where none ships for exactly this one."""
    path = SHIPPED / f"{name}.json"
    known = path.is_file() and path.parent == SHIPPED
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if known else {}
    return told if told.get("hash") == digest else NOTHING


@cache
def record() -> Mapping[str, Any]:
    """The record of the whole validation with the SHA-256 of its file under `sha256`; see docs/validation.md."""
    told: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return told | {"sha256": sha256_file(RECORD)}
