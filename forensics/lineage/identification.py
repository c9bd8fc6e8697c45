"""References ranked for one questioned model, with an open-set answer."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forensics.errors import BadInput
from forensics.evaluation.verbal import verbal
from forensics.lineage.records import PROPOSITIONS, Comparison, Identification, RankedReference
from forensics.records import Relation

ALPHA = 0.05
NAMED_BY = {
    Relation.SAME.value: "weights",
    Relation.DERIVED.value: "weights",
    Relation.COMMON_SOURCE.value: "base",
    Relation.DISTILLED.value: "distilled",
}
NONE = "none of these references stands out"
TOO_FEW = " No LR is reported and so few models are compared that no p-value could have stood out: see the ranking."


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm-adjusted p-values in the order given, in (0, 1]; NaN stays NaN and does not count (Holm 1979)."""
    adjusted = np.full(p_values.size, np.nan)
    usable = np.flatnonzero(np.isfinite(p_values))
    order = usable[np.argsort(p_values[usable], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def read_catalogue(path: Path) -> dict[str, dict[str, str]]:
    """Model to its family and release, from a CSV with the columns model, family, release; nothing else is read."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            table = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise BadInput(f"cannot be read: {problem}", where=path.name) from problem
    if table and (missing := {"model", "family", "release"} - table[0].keys()):
        raise BadInput(f"lacks the columns {', '.join(sorted(missing))}", where=path.name)
    return {row["model"]: {"family": row["family"] or "", "release": row["release"] or ""} for row in table}


def identify(
    comparison: Comparison,
    questioned: str,
    references: Sequence[str] | None = None,
    catalogue: Mapping[str, Mapping[str, str]] | None = None,
) -> Identification:
    """The references in order of evidence for lineage, and what may be said of them.

    Order: raw LLR for any lineage where there is one, then fused similarity. With a catalogue, references released
    after the questioned model stay in the list but are named as later. `none_of_these` unless some reference is
    found to be kin (see `relations`), or, where no LR is reported, a Holm-adjusted background p of at most 0.05.
    Raises BadInput for unknown models.
    """
    place = {name: i for i, name in enumerate(comparison.models)}
    wanted = (
        list(dict.fromkeys(references)) if references is not None else [m for m in comparison.models if m != questioned]
    )
    if unknown := [name for name in (questioned, *wanted) if name not in place]:
        raise BadInput(f"not among the compared models: {', '.join(unknown)}")
    if questioned in wanted:
        raise BadInput("the questioned model cannot be its own reference", where=questioned)
    if not wanted:
        raise BadInput("no reference to compare with")
    q = place[questioned]
    columns = [place[name] for name in wanted]
    adjusted = holm(comparison.p_value[q, columns])
    order = sorted(range(len(wanted)), key=lambda k: _key(comparison, q, columns[k], wanted[k]))
    ranking = tuple(
        _row(comparison, q, columns[k], rank, float(adjusted[k]), _later(catalogue, questioned, wanted[k]))
        for rank, k in enumerate(order, start=1)
    )
    standing = [row for row in ranking if _stands_out(row)]
    least_p = 2.0 / (len(comparison.models) * (len(comparison.models) - 1))
    blunt = not standing and all(row.llr["lineage"] is None for row in ranking) and least_p * len(wanted) > ALPHA
    finding = _finding(questioned, standing) + (TOO_FEW if blunt else "")
    return Identification(questioned, ranking, not standing, finding, comparison.calibration)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _key(comparison: Comparison, q: int, r: int, name: str) -> tuple[float, float, str]:
    """Sorts the strongest first, what is not estimable last, and ties by name."""
    raw = np.array([comparison.llr_raw[p][q, r] for p in ("weights", "lineage")])
    best = float(raw[np.isfinite(raw)].max(initial=-np.inf))
    kin = float(comparison.kin[q, r])
    return -best, -kin if math.isfinite(kin) else math.inf, name


def _later(catalogue: Mapping[str, Mapping[str, str]] | None, questioned: str, reference: str) -> bool:
    """Whether the catalogue says that the reference came out after the questioned model."""
    own, other = ((catalogue or {}).get(name, {}).get("release", "") for name in (questioned, reference))
    return bool(own and other and other > own)


def _row(comparison: Comparison, q: int, r: int, rank: int, p_holm: float, later: bool) -> RankedReference:
    llr = {name: _number(comparison.llr[name][q, r]) for name in PROPOSITIONS}
    told = NAMED_BY.get(str(comparison.relation[q, r]), "lineage")
    status = str(comparison.status[q, r])
    return RankedReference(
        reference=comparison.models[r],
        rank=rank,
        llr=llr,
        llr_raw={name: _number(comparison.llr_raw[name][q, r]) for name in PROPOSITIONS},
        p_value=float(comparison.p_value[q, r]),
        p_holm=p_holm,
        relation=str(comparison.relation[q, r]),
        verbal=verbal(llr[told], told),
        status=f"{status}; released after the questioned model" if later else status,
        prompts=int(comparison.prompts[q, r]),
        score_kin=_number(float(comparison.kin[q, r])),
    )


def _stands_out(row: RankedReference) -> bool:
    if any(value is not None for value in row.llr.values()):
        return row.relation in NAMED_BY
    return math.isfinite(row.p_holm) and row.p_holm <= ALPHA


def _finding(questioned: str, standing: Sequence[RankedReference]) -> str:
    if not standing:
        return f"For {questioned}, {NONE}."
    first = standing[0]
    more = f", and {len(standing) - 1} more stand out" if len(standing) > 1 else ""
    return f"For {questioned}, {first.reference} ranks first ({first.verbal}; relation: {first.relation}){more}."
