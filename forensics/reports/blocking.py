"""What keeps a report from being final, judged from its record alone, section by section."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.reports import wording
from forensics.reports.passages import passages
from forensics.reports.sections import LIMITS, SECTIONS

COVERAGE = 0.95
CLOSE = 1e-9
LEAST_LIMITATIONS = 3
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that blocks a final export: the section's key, and a sentence that says what and what to do."""

    section: str
    told: str


def missing(record: Record) -> list[Missing]:
    """Everything that blocks, in the order of the sections; the wording of every section last."""
    found = [Missing(key, told) for key, judge in JUDGES.items() for told in judge(record)]
    return [*found, *_wording(record)]


def _wording(record: Record) -> Iterator[Missing]:
    for said in passages(record):
        for problem in wording.problems(said.text):
            yield Missing(said.section, f"The wording lint refuses {problem}")


def _numbered(record: Record) -> bool:
    """Whether the record is of a version, and not only what a page shows before one is made."""
    return bool(record["version"]["number"])


def _administrative(record: Record) -> Iterator[str]:
    told = record["administrative"]
    names = {"case": "the case number", "commissioned_by": "the commissioning party", "analyst": "an analyst",
             "reviewer": "a reviewer"}  # fmt: skip
    empty = [words for name, words in names.items() if not told[name]]
    if _numbered(record) and not record["version"]["made_at"]:
        empty.append("its date")
    if empty:
        yield f"It lacks {', '.join(empty)}."


def _expert(record: Record) -> Iterator[str]:
    told = record["expert"]
    if not record["template"]["court"]:
        return
    if empty := [n for n in ("qualifications", "publications", "testimony", "compensation") if not told[n]]:
        yield f"A report for a court needs the expert's {', '.join(empty)}."
    if not told["signed"]:
        yield "A report for a court needs the expert's signature under the duty statement."


def _instructions(record: Record) -> Iterator[str]:
    if not any(row["in_force"] for row in record["instructions"]["authorisations"]):
        yield "No authorisation for the enquiry is on record, or none is in force."


def _summary(record: Record) -> Iterator[str]:
    told = record["summary"]
    if told["headlines"] and len([text for text in told["limitations"] if text]) < LEAST_LIMITATIONS:
        yield "The three main limitations do not stand beside the headline."
    for row in told["headlines"]:
        if row["log10_lr"] is not None and not row["bound"]:
            yield f"The LR of {row['questioned']} and {row['reference']} stands without its bound."


def _propositions(record: Record) -> Iterator[str]:
    told = record["propositions"]
    standing = [row for row in told["stated"] if not row["withdrawn_at"]]
    if absent := [side for side in ("Hp", "Hd") if side not in {row["side"] for row in standing}]:
        yield f"It lacks {' and '.join(absent)}."
    if len({row["level"] for row in standing}) > 1:
        yield "Hp and its alternatives are stated at different levels."
    late = sum(row["after_unblinding"] for row in told["stated"])
    if late > told["deviations_after_unblinding"]:
        yield "A proposition was set after unblinding, and no deviation says so."


def _items(record: Record) -> Iterator[str]:
    acquired = [run for item in record["items"] for run in item["acquisitions"]]
    if not acquired:
        yield "Nothing has been acquired yet."
    if any(run["without_evidence"] for run in acquired if run["state"] == "done"):
        yield "A collection holds completions without the attempt that brought them."
    if any(not all(values for values in run["returned"].values()) for run in acquired):
        yield "What an endpoint returned of itself is neither stored nor marked as not returned."


def _custody(record: Record) -> Iterator[str]:
    chain = record["custody"]["chain"]
    if chain["problems"]:
        yield f"The chain does not verify: {chain['problems'][0]}."
    elif _numbered(record) and chain["checked"] < chain["entries"]:
        yield "Only a part of the chain was verified."


def _method(record: Record) -> Iterator[str]:
    told = record["method"]
    if not told["plan"]:
        yield "The plan is not frozen."
        return
    if not told["plan"]["holds"]:
        yield "The stored plan is not the one that was hashed."
    if early := told["before_the_plan"]:
        yield f"{early} of {told['collections']} collections began before the plan was frozen."


def _validation(record: Record) -> Iterator[str]:
    told = record["validation"]
    if not told["compared"]:
        yield "There is no finished comparison yet."
    elif not told["covered"] and any(row["log10_lr"] is not None for row in record["summary"]["headlines"]):
        yield "An LR is stated although no validation covers these conditions: it must say No LR reported."


def _controls(record: Record) -> Iterator[str]:
    told = record["controls"]
    for row in told["rows"]:
        if row["state"] != "passed" and not row["explanation"]:
            yield f"A {row['kind']} control is {row['state']}, unexplained."
    for title in told["missing"]:
        yield f"There is no {title} control."


def _quality(record: Record) -> Iterator[str]:
    told = record["quality"]
    low = [run for run in told["runs"] if run["coverage"] is None or run["coverage"] < COVERAGE]
    if low and not told["explained"]:
        yield f"Coverage is below 95 % in {len(low)} of {len(told['runs'])} collections, unexplained."


def _findings(record: Record) -> Iterator[str]:
    for pair in record["findings"]["pairs"]:
        if any(not row.get("rule") for row in pair["exemplars"]):
            yield f"An exemplar of {pair['questioned']} and {pair['reference']} does not say how it was chosen."


def _interpretation(record: Record) -> Iterator[str]:
    told = record["interpretation"]
    fused = {(p["questioned"], p["reference"]): p["fused_from"] for p in told["pairs"]}
    for row in record["summary"]["headlines"]:
        parts = fused.get((row["questioned"], row["reference"]))
        if row["log10_lr"] is None or parts is None:
            continue
        if abs(row["log10_lr"] - parts["bounded"]) > CLOSE:
            naive = abs(row["log10_lr"] - parts["naive_sum"]) <= CLOSE
            what = "the sum of the channels' LRs" if naive else "not the fused, bounded LR"
            yield f"The headline of {row['questioned']} and {row['reference']} is {what}."
    if _numbered(record) and told["pairs"] and not told["computed"]:
        yield "The LR without each channel, probe family and reference was not computed."


def _alternatives(record: Record) -> Iterator[str]:
    blank = [row["title"].lower() for row in record["alternatives"] if not row["verdict"] or not row["test"].strip()]
    if blank:
        yield f"Without a verdict: {'; '.join(blank)}."


def _contrary(record: Record) -> Iterator[str]:
    told = record["contrary"]
    listed = {row["rule"]: len(row["rows"]) for row in told["rules"]}
    for rule, counted in told["counted"].items():
        if listed.get(rule) != counted:
            yield f"Of the rule {rule!r} {listed.get(rule, 0)} are listed, and the database holds {counted}."


def _limits(record: Record) -> Iterator[str]:
    if gone := [text for text in LIMITS if text not in record["limits"]["fixed"]]:
        yield f"A limit was removed: {gone[0]}"


def _other(record: Record) -> Iterator[str]:
    for row in record["other"]["exhibits"]:
        if "log10_lr" in row or "weight" in row:
            yield f"The exhibit {row['name']} is merged into the LR: other evidence stands apart."


def _review(record: Record) -> Iterator[str]:
    told = record["review"]
    signed = told["signoff"]
    if not signed:
        yield "No technical reviewer other than the analyst has signed off a draft."
    elif signed["by"] == record["administrative"]["analyst"]:
        yield "The analyst has signed off as the reviewer: it must be somebody else."
    if open_remarks := sum(not row["settled_at"] for row in told["remarks"]):
        yield f"{open_remarks} of the reviewer's comments wait for an answer."


def _reproduction(record: Record) -> Iterator[str]:
    done = record["reproduction"]["recomputed"]
    if done and not done["agrees"]:
        yield f"A recomputation from the stored replies does not agree: {done['told']}"
    elif not done and _numbered(record):
        yield "The results were not recomputed from the stored replies."


JUDGES: dict[str, Callable[[Record], Iterator[str]]] = {
    "administrative": _administrative,
    "expert": _expert,
    "instructions": _instructions,
    "summary": _summary,
    "propositions": _propositions,
    "items": _items,
    "custody": _custody,
    "method": _method,
    "validation": _validation,
    "controls": _controls,
    "quality": _quality,
    "findings": _findings,
    "interpretation": _interpretation,
    "alternatives": _alternatives,
    "contrary": _contrary,
    "limits": _limits,
    "other": _other,
    "review": _review,
    "reproduction": _reproduction,
    "appendices": lambda _: iter(()),
}
"""A judge for each section, in the order of `SECTIONS`."""
assert list(JUDGES) == list(SECTIONS)
