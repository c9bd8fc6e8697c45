"""Contrary evidence of a case, listed by rule: nothing is chosen, and nothing can be left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forensics.evaluation import calibration as calibrations
from forensics.lineage.contributions import Contributions, contributions
from webapp.casework import queries
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.findings import Finding, Findings
from webapp.casework.cases.plans import missing_controls
from webapp.casework.models import Case, Comparison
from webapp.probing.models import Collection

RULES = {
    "finding": "Likelihood ratios below 1, and those that are not reported",
    "channel": "Channels that alone speak against Hp",
    "control": "Controls that failed, decided nothing, did not run, or are missing",
    "run": "Runs that failed, were cancelled or paused, replies that were excluded, and earlier comparisons",
    "deviation": "Deviations from the frozen plan",
    "version": "Earlier versions of the report",
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
    return [
        *_findings(found), *_channels(found), *_controls(case, found), *_runs(case, found, mask),
        *_deviations(case, mask), *_versions(case),
    ]  # fmt: skip


def _findings(found: Findings) -> Iterator[Contrary]:
    for row in found.rows:
        if row.contrary:
            yield Contrary("finding", f"{row.names[0]} and {row.names[1]}, against: {row.title}", row.sentence)
    for name in found.absent:
        yield Contrary("finding", name, "It is an item of the case and not in its comparison.")


def alone(found: Findings, row: Finding) -> Contributions | None:
    """What the LR of a finding is fused from, each channel by itself; None where no LR is reported."""
    if found.comparison is None or row.value is None:
        return None
    pair = (row.questioned.model.name, row.reference.model.name)
    result, known = queries.result(found.comparison), calibrations.shipped()
    return contributions(result, pair, proposition=row.relation_asked, known=known)


def _channels(found: Findings) -> Iterator[Contrary]:
    for row in found.rows:
        told = alone(found, row)
        for part in told.parts if told else ():
            if part.alone is not None and part.alone < 0:
                of = f"{part.feature}: {row.names[0]} and {row.names[1]}"
                yield Contrary("channel", of, f"Taken alone its log10 LR is {part.alone:+.2f}.")


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
    for comparison in case.comparisons.exclude(pk__in=[found.comparison.pk] if found.comparison else []):
        if comparison.state == Comparison.State.FAILED:
            yield Contrary("run", mask.text(comparison.title), mask.text(f"Failed. {comparison.error}"))
        elif comparison.state == Comparison.State.DONE:
            when = f"{comparison.finished_at:%d %b %Y %H:%M}" if comparison.finished_at else "earlier"
            yield Contrary("run", mask.text(comparison.title), f"An earlier comparison, finished {when} UTC.")

    for run in case.collections.exclude(segment=None).select_related("model", "suite"):
        told = "More than one model answered; the replies of all but one were left out of the comparison."
        yield Contrary("run", mask.text(str(run)), told)


def _deviations(case: Case, mask: Mask) -> Iterator[Contrary]:
    for deviation in case.deviations.all():
        after = " The names were known when it was made." if deviation.unblinded else ""
        told = mask.text(f"{deviation.told} Reason: {deviation.reason}")
        yield Contrary("deviation", f"Deviation {deviation.number}, {deviation.what}", f"{told}{after}")


def _versions(case: Case) -> Iterator[Contrary]:
    for report in case.reports.filter(state="done").order_by("number"):
        told = f"{report.get_kind_display()}, {report.created_at:%d %b %Y %H:%M} UTC, record {report.sha256[:12]}."
        yield Contrary("version", f"Version {report.number}", told)
