"""Contrary evidence of a case, listed by rule: nothing is chosen, and nothing can be left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.findings import Findings
from webapp.casework.cases.plans import missing_controls
from webapp.casework.models import Case, Comparison
from webapp.probing.models import Collection

RULES = {
    "finding": "Likelihood ratios below 1, and those that are not reported",
    "control": "Controls that failed, decided nothing, did not run, or are missing",
    "run": "Runs that failed, were cancelled or paused, and earlier comparisons",
    "deviation": "Deviations from the frozen plan",
}
UNFINISHED = (Collection.State.FAILED, Collection.State.CANCELLED, Collection.State.PAUSED)


@dataclass(frozen=True, slots=True)
class Contrary:
    """One thing that speaks against a simple story: under which rule, of what, and what it says."""

    rule: str
    of: str
    told: str


def contrary(case: Case, found: Findings, mask: Mask) -> list[Contrary]:
    """Everything that the rules name, in the order of the rules."""
    return [*_findings(found), *_controls(case, found), *_runs(case, found, mask), *_deviations(case, mask)]


def _findings(found: Findings) -> Iterator[Contrary]:
    for row in found.rows:
        if row.contrary:
            yield Contrary("finding", f"{row.names[0]} and {row.names[1]}, against: {row.title}", row.sentence)
    for name in found.absent:
        yield Contrary("finding", name, "It is an item of the case and not in its comparison.")


def _controls(case: Case, found: Findings) -> Iterator[Contrary]:
    for checked in found.controls:
        if checked.state != "passed":
            kind, why = checked.control.get_kind_display(), checked.control.explanation
            told = f"{checked.state.capitalize()}: expected {checked.expected}, found {checked.found or 'nothing'}."
            yield Contrary("control", f"{kind}: {' and '.join(checked.names)}", f"{told} {why}".strip())
    for title in missing_controls(case):
        yield Contrary("control", f"{title} control", "There is none in this case.")


def _runs(case: Case, found: Findings, mask: Mask) -> Iterator[Contrary]:
    for run in case.collections.filter(state__in=UNFINISHED).select_related("model", "suite"):
        told = f"{run.get_state_display()}. {run.error}".strip()
        yield Contrary("run", mask.text(str(run)), mask.text(told))
    for comparison in case.comparisons.exclude(pk=found.comparison.pk if found.comparison else None):
        if comparison.state == Comparison.State.FAILED:
            yield Contrary("run", mask.text(comparison.title), mask.text(f"Failed. {comparison.error}"))
        elif comparison.state == Comparison.State.DONE:
            when = f"{comparison.finished_at:%d %b %Y %H:%M}" if comparison.finished_at else "earlier"
            yield Contrary("run", mask.text(comparison.title), f"An earlier comparison, finished {when} UTC.")


def _deviations(case: Case, mask: Mask) -> Iterator[Contrary]:
    for deviation in case.deviations.all():
        after = " The names were known when it was made." if deviation.unblinded else ""
        told = mask.text(f"{deviation.told} Reason: {deviation.reason}")
        yield Contrary("deviation", f"Deviation {deviation.number}, {deviation.what}", f"{told}{after}")
