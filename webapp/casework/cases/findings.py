"""What a case's comparison says of its propositions. Nothing is computed here: the engine's result is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forensics.evaluation.propositions import alternatives, filled
from forensics.evaluation.verbal import sentence
from forensics.lineage.records import Comparison as Result
from forensics.records import Relation
from webapp.casework import queries, reading
from webapp.casework.cases import contents, runs
from webapp.casework.cases.blinding import Mask
from webapp.casework.models import Case, Comparison, Control, Item, Proposition

LINEAGE = frozenset(map(str, Relation)) - {Relation.UNRELATED, Relation.NOT_DETERMINED}
EXPECTED = {"positive": "a lineage", "negative": "unrelated", "same": "same"}
RIGHT = {"positive": LINEAGE, "negative": {Relation.UNRELATED.value}, "same": {Relation.SAME.value}}


@dataclass(frozen=True, slots=True)
class Finding:
    """One pair against one Hd. `value` is the bounded log10 LR, or None: then `why` says why none is reported."""

    questioned: Item
    reference: Item
    names: tuple[str, str]
    hp: str
    hd: Proposition
    title: str
    against: str
    value: float | None
    raw: float | None
    bounds: Sequence[float]
    verbal: str
    why: str
    sentence: str
    relation: str
    prompts: int
    relation_asked: str

    @property
    def contrary(self) -> bool:
        """Whether it must stand among the contrary evidence: an LR below 1, or none."""
        return self.value is None or self.value < 0


@dataclass(frozen=True, slots=True)
class Checked:
    """A control and what became of it: passed, failed, not determined, or not run."""

    control: Control
    names: tuple[str, str]
    expected: str
    found: str
    state: str
    value: float | None
    verbal: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the newest finished comparison says for the case; empty without one."""

    comparison: Comparison | None
    calibration: Mapping[str, Any]
    rows: tuple[Finding, ...] = ()
    controls: tuple[Checked, ...] = ()
    absent: tuple[str, ...] = ()


def findings(case: Case, mask: Mask) -> Findings:
    """The case's findings, pair by pair and Hd by Hd, and its controls."""
    comparison, now = runs.latest(case), contents.standing(case)
    result = queries.result(comparison) if comparison else None
    controls = tuple(_control(control, result, mask) for control in now["controls"])
    if comparison is None or result is None:
        return Findings(None, {}, (), controls)
    hp = next((p for p in now["propositions"] if p.side == "Hp"), None)
    hds = [p for p in now["propositions"] if p.side == "Hd"]
    rows: list[Finding] = []
    absent = [mask.item(item) for item in now["items"] if item.model.name not in result.models]
    for questioned in _in(now["items"], "questioned", result):
        for reference in _in(now["items"], "reference", result):
            rows += _pair(questioned, reference, hp, hds, result, mask)
    return Findings(comparison, result.calibration, tuple(rows), controls, tuple(absent))


def _in(items: Sequence[Item], role: str, result: Result) -> list[Item]:
    return [item for item in items if item.role == role and item.model.name in result.models]


def _pair(
    questioned: Item, reference: Item, hp: Proposition | None, hds: Sequence[Proposition], result: Result, mask: Mask
) -> list[Finding]:
    if hp is None:
        return []
    pair = reading.pair(result, questioned.model.name, reference.model.name)
    llr = next(row for row in pair["llrs"] if row["name"] == hp.key)
    names = (mask.item(questioned), mask.item(reference))
    found = []
    for hd in hds:
        known = alternatives()[hd.key]
        # Every shipped calibration sets its propositions against cleanly unrelated pairs, and no other.
        value, why = (llr["value"], llr["why"]) if known.measured else (None, _unmeasured(known.test))
        first, second = filled(hp.statement, *names), filled(hd.statement, *names)
        found.append(
            Finding(
                questioned=questioned,
                reference=reference,
                names=names,
                hp=first,
                hd=hd,
                title=known.title,
                against=second,
                value=value,
                raw=llr["raw"] if known.measured else None,
                bounds=llr["bounds"] if known.measured else [],
                verbal=llr["verbal"] if known.measured else "",
                why="" if value is not None else why,
                sentence=sentence(value, first, second, why=why),
                relation=pair["relation"],
                prompts=pair["prompts"],
                relation_asked=hp.key,
            )
        )
    return found


def _unmeasured(test: str) -> str:
    return f"no calibration measures against this alternative. What addresses it: {test[0].lower()}{test[1:]}"


def _control(control: Control, result: Result | None, mask: Mask) -> Checked:
    names = (mask.item(control.first), mask.item(control.second))
    expected = EXPECTED[control.kind]
    pair = (control.first.model.name, control.second.model.name)
    if result is None or not set(pair) <= set(result.models):
        return Checked(control, names, expected, "", "not run", None, "")
    told = reading.pair(result, *pair)
    found, llr = told["relation"], told["llrs"][0]
    return Checked(control, names, expected, found, _judged(control.kind, found), llr["value"], llr["verbal"])


def _judged(kind: str, found: str) -> str:
    """A pair that the evidence does not decide is no failure of a control, and no pass."""
    if found == Relation.NOT_DETERMINED.value:
        return "not determined"
    return "passed" if found in RIGHT[kind] else "failed"
