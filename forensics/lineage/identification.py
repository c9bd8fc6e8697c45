"""References ranked for one questioned model, with an open-set answer."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from forensics.errors import BadInput
from forensics.evaluation.verbal import verbal
from forensics.lineage.openset import ALPHA, OpenSet, open_set
from forensics.lineage.records import PROPOSITIONS, Comparison, Identification, RankedReference
from forensics.lineage.teaching import OwnBase, own_base
from forensics.records import Relation

NAMED_BY = {
    Relation.SAME.value: "weights",
    Relation.DERIVED.value: "weights",
    Relation.COMMON_SOURCE.value: "base",
    Relation.DISTILLED.value: "distilled",
}
SAID = {
    Relation.SAME.value: "has the weights of",
    Relation.DERIVED.value: "shares weights with",
    Relation.COMMON_SOURCE.value: "has a source in common with",
    Relation.DISTILLED.value: "is distilled from, or shares its teacher with,",
}
NONE = "none of these references stands out"
NAMED = 3
TOO_FEW = " No LR is reported and so few models are compared that no p-value could have stood out: see the ranking."


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

    Order: raw LLR for shared weights or any lineage where there is one, then fused similarity. A reference stands out
    when its background p, adjusted by Holm over all references, is at most 0.05 (see `open_set`); `none_of_these`
    where none does. Candidates are those that stand out or cannot be excluded. With a catalogue, references released
    after the questioned model stay in the list but are named as later. Raises BadInput for unknown models.
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
    told = open_set(comparison, q, columns)
    order = sorted(range(len(wanted)), key=lambda k: _key(comparison, q, columns[k], wanted[k]))
    ranking = tuple(
        _row(comparison, q, columns[k], rank, told, k, _later(catalogue, questioned, wanted[k]))
        for rank, k in enumerate(order, start=1)
    )
    standing = [row for row in ranking if row.stands_out]
    candidates = tuple(row.reference for row in ranking if row.candidate)
    base = own_base(comparison, q, columns) if standing else None
    return Identification(
        questioned,
        ranking,
        not standing,
        finding(questioned, ranking, comparison, base) + by_weights(questioned, ranking, comparison),
        comparison.calibration,
        candidates,
    )


def _blunt(comparison: Comparison, ranking: Sequence[RankedReference]) -> bool:
    """Whether nothing could have stood out: no LR, and too few pairs for any rank to be rare."""
    least_p = 2.0 / (comparison.population * (comparison.population - 1))
    return all(row.llr["lineage"] is None for row in ranking) and least_p * len(ranking) > ALPHA


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


def _row(comparison: Comparison, q: int, r: int, rank: int, told: OpenSet, k: int, later: bool) -> RankedReference:
    llr = {name: _number(comparison.llr[name][q, r]) for name in PROPOSITIONS}
    proposition = NAMED_BY.get(str(comparison.relation[q, r]), "lineage")
    status = str(comparison.status[q, r])
    return RankedReference(
        reference=comparison.models[r],
        rank=rank,
        llr=llr,
        llr_raw={name: _number(comparison.llr_raw[name][q, r]) for name in PROPOSITIONS},
        p_value=float(told.background[k]),
        p_holm=float(told.holm[k]),
        relation=str(comparison.relation[q, r]),
        verbal=verbal(llr[proposition], proposition),
        status=f"{status}; released after the questioned model" if later else status,
        prompts=int(comparison.prompts[q, r]),
        score_kin=_number(float(comparison.kin[q, r])),
        p_related=_number(float(told.related[k])),
        candidate=bool(told.kept[k]),
        stands_out=bool(told.claimed[k]),
    )


def finding(
    questioned: str, ranking: Sequence[RankedReference], comparison: Comparison, base: OwnBase | None = None
) -> str:
    """A few sentences: what the questioned model comes from by each kind of evidence, or that nothing shows.

    base: whose weights a taught model shows on raw text. What speaks like the teacher and is of that lineage is like
    the student for its weights, and is not named among teachers.
    """
    standing = [row for row in ranking if row.stands_out]
    if not standing:
        return f"For {questioned}, {NONE}.{TOO_FEW if _blunt(comparison, ranking) else ''}"
    kin = {comparison.models[r] for r in base.kin} if base else set()
    voices = [row for row in standing if not (row.relation == Relation.DISTILLED.value and row.reference in kin)]
    said = []
    for relation, verb in SAID.items():
        if rows := [row.reference for row in voices if row.relation == relation]:
            said.append(f"{verb} {_named(comparison, rows)}")
    own = _own_weights(comparison, base)
    first = next((row for row in voices if row.relation in SAID), None)
    if first is None:
        return f"For {questioned}, {standing[0].reference} stands out; what relates the two is not determined.{own}"
    return f"{questioned} {', and '.join(said)}. Of these {first.reference} ranks first ({first.verbal}).{own}"


def _named(comparison: Comparison, references: Sequence[str], do: str = "stand out so") -> str:
    """The first few of these references that are not the same model, and how many more there are."""
    place = [comparison.models.index(name) for name in references]
    told: list[int] = []
    for r in place:
        if len(told) < NAMED and not any(comparison.relation[r, other] == Relation.SAME.value for other in told):
            told.append(r)
    more = f" (and {len(place) - len(told)} more {do})" if len(place) > len(told) else ""
    *before, last = [comparison.models[r] for r in told]
    return f"{', '.join(before)} and {last}{more}" if before else f"{last}{more}"


def by_weights(questioned: str, ranking: Sequence[RankedReference], comparison: Comparison) -> str:
    """A sentence on the references that share weights with the questioned model by their files, '' where none does."""
    told = {row.reference: comparison.of_weights(questioned, row.reference) for row in ranking}
    shared = [(name, found) for name, found in told.items() if found is not None and found.shared]
    if not shared:
        return ""
    weakest = max((found.log10_p or 0.0 for _, found in shared if not found.identical), default=None)
    why = "their files are identical" if weakest is None else f"exact p of 10^{math.ceil(weakest)} at most"
    names = _named(comparison, [name for name, _ in shared], "do so")
    return f" By its weights it shares some with {names} ({why}; no likelihood ratio, and no direction)."


def _own_weights(comparison: Comparison, base: OwnBase | None) -> str:
    if base is None:
        return ""
    needed, next_needed = (np.expm1(gain) for gain in (base.gain, base.next_gain))
    return (
        " By next-token distributions on raw text its own weights go back to "
        f"{comparison.models[base.reference]}: without that lineage {needed:.0%} more of them is unexplained, without "
        f"any other beside the teacher's at most {next_needed:.0%} (no likelihood ratio)."
    )
