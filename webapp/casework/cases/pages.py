"""What each section of a case's page shows, besides its forms."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from django.http import HttpRequest

from forensics.evaluation import propositions
from forensics.reports.case_files import FORMS
from forensics.reports.sections import SECTIONS as REPORT_SECTIONS
from forensics.reports.sections import templates
from forensics.table_files import KINDS
from webapp.casework.cases import activity, plans, runs
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.contents import standing
from webapp.casework.cases.contrary import RULES, contrary
from webapp.casework.cases.findings import Finding, Findings, findings
from webapp.casework.cases.readiness import blocked, readiness_of
from webapp.casework.models import Case, Item, Remark, Report
from webapp.casework.reporting import services as reporting
from webapp.catalogue.models import Authorisation
from webapp.custody import queries as custody
from webapp.exporting import services as exporting
from webapp.presenting import page_of
from webapp.probing import live
from webapp.probing.estimating import estimate_for
from webapp.probing.models import Collection
from webapp.probing.services import NO_LIMITS

Shown = dict[str, Any]
LATEST = 8


def overview(case: Case, mask: Mask, request: HttpRequest) -> Shown:
    """The question, the headline of each pair, what stands against it, notes and the latest entries of the log."""
    found = findings(case, mask)
    return {
        "heads": [row for row in found.rows if row.hd.key == "independent-training"], "found": found,
        "contrary_count": len(contrary(case, found, mask)),
        "notes": [{"note": note, "text": mask.text(note.text)} for note in case.notes.select_related("by")[:50]],
        "latest": activity.shown(activity.entries(case, request.user)[:LATEST], mask),
        "missing_controls": plans.missing_controls(case), "counts": _counts(case),
    }  # fmt: skip


def _counts(case: Case) -> list[tuple[str, int]]:
    items = standing(case)["items"]
    return [(title, sum(item.role == role for item in items)) for role, title in Item.Role.choices]


def stated(case: Case, _: Mask, __: HttpRequest) -> Shown:
    """Hp, every Hd, those withdrawn, and for each alternative of the list what became of it."""
    rows = list(case.propositions.select_related("added_by"))
    verdicts = {verdict.key: verdict for verdict in case.verdicts.select_related("by")}
    chosen = {row.key for row in rows if row.side == "Hd" and row.withdrawn_at is None}
    known = propositions.alternatives()
    return {
        "hp": next((row for row in rows if row.side == "Hp" and row.withdrawn_at is None), None),
        "hds": [
            {"row": row, "known": known[row.key]} for row in rows if row.side == "Hd" and row.withdrawn_at is None
        ],
        "withdrawn": [row for row in rows if row.withdrawn_at],
        "alternatives": [
            {"known": a, "chosen": a.key in chosen, "verdict": verdicts.get(a.key)} for a in known.values()
        ],
        "list_version": propositions.version(),
    }  # fmt: skip


def items(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """The models by role, those withdrawn, and the controls with what became of them."""
    rows = [{"item": item, "name": mask.item(item)} for item in case.items.select_related("model")]
    here = [row for row in rows if row["item"].withdrawn_at is None]
    groups = [
        (title, [row for row in here if row["item"].role == role]) for role, title in Item.Role.choices
    ]  # fmt: skip
    return {
        "groups": [(title, group) for title, group in groups if group],
        "withdrawn": [row for row in rows if row["item"].withdrawn_at],
        "controls": findings(case, mask).controls, "missing_controls": plans.missing_controls(case),
    }  # fmt: skip


def plan(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """What would be frozen and what it costs; once frozen, its hash and every deviation."""
    models = [item for item in standing(case)["items"] if not item.model.is_recorded]
    rows, total = _estimates(case, models, mask) if not case.is_frozen else ([], {})
    deviations = case.deviations.select_related("by")
    told = [{"row": row, "told": mask.text(row.told), "reason": mask.text(row.reason)} for row in deviations]
    return {
        "lacks": plans.lacks(case), "missing_controls": plans.missing_controls(case), "estimates": rows, "total": total,
        "content": mask.detail(case.plan.content if case.is_frozen else plans.content(case)),
        "holds": case.is_frozen and plans.holds(case.plan), "deviations": told,
        "calibrations": plans.covering(case.suite),
    }  # fmt: skip


def _estimates(case: Case, rows: list[Item], mask: Mask) -> tuple[list[Shown], Shown]:
    if case.suite is None:
        return [], {}
    found = [(mask.item(item), estimate_for(item.model, case.suite, NO_LIMITS)) for item in rows]
    told = [{"name": name, "estimate": e, "tokens": e.tokens_in + e.tokens_out} for name, e in found]
    total = {
        "calls": sum(e.calls for _, e in found), "tokens": sum(row["tokens"] for row in told),
        "seconds": sum(e.seconds for _, e in found),
    }  # fmt: skip
    return told, total


def work(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """The case's collections, live, and its comparisons."""
    found = list(case.collections.select_related("model", "suite").order_by("model__name"))
    if mask.on:
        found.sort(key=lambda run: mask.name(run.model.name))
    rows = [live.row(run) | {"name": mask.name(run.model.name)} for run in found]
    comparisons = list(case.comparisons.select_related("suite"))
    return {
        "rows": rows, "total": live.total(rows) if rows else None, "comparisons": comparisons,
        "left": [mask.name(model.name) for model in runs.uncollected(case)] if case.suite else [],
        "follow": follow(case, rows), "error": mask.text(case.compare_error),
        "can_compare": case.is_frozen and len(rows) > 1 and not any(_is_open(row) for row in rows),
    }  # fmt: skip


def _is_open(row: Shown) -> bool:
    return row["collection"].state in runs.OPEN


def follow(case: Case, rows: list[Shown]) -> bool:
    """Whether something of the case will move by itself."""
    running = any(row["collection"].state == Collection.State.RUNNING for row in rows)
    waits = case.compare_when_done and rows and not any(_is_open(row) for row in rows)
    computed = (case.comparisons, case.reports)
    return bool(running or waits or any(rows.filter(state__in=["queued", "running"]).exists() for rows in computed))


def compare(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """Every finding, pair by pair: the LR with its words and bound together, or why there is none."""
    found = findings(case, mask)
    return {"found": found, "pairs": _pairs(found), "under_way": case.comparisons.exclude(state="done").first()}


def _pairs(found: Findings) -> list[list[Finding]]:
    """The rows of each pair together, the Hd that is measured first."""
    groups = [list(group) for _, group in groupby(found.rows, key=lambda row: row.names)]
    return [sorted(group, key=lambda row: not row.bounds) for group in groups]


def against(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """Contrary evidence, rule by rule, the empty rules too."""
    found = findings(case, mask)
    rows = contrary(case, found, mask)
    return {
        "rules": [(title, [row for row in rows if row.rule == rule]) for rule, title in RULES.items()],
        "count": len(rows), "found": found,
    }  # fmt: skip


def log(case: Case, mask: Mask, request: HttpRequest) -> Shown:
    """The case's entries in the custody log, and whether the whole chain holds."""
    page = page_of(request, activity.entries(case, request.user))
    return {"page": page, "rows": activity.shown(page, mask), "verification": custody.verify(last=custody.RECENT)}


def report(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """What blocks an export, the versions with their files, and the review."""
    versions = list(case.reports.select_related("created_by", "signed"))
    template = versions[0].template if versions else next(iter(templates()))
    chapters = readiness_of(case, template)
    return {
        "chapters": chapters, "blocked": blocked(chapters), "template": templates()[template],
        "versions": [_version(report, mask) for report in versions], "signed": reporting.latest_signed(case),
        "remarks": [_remark(row, mask) for row in case.remarks.select_related("by")],
        "signoffs": case.signoffs.select_related("by", "report"), "expert": case.experts.select_related("by").last(),
        "follow": any(report.state in ("queued", "running") for report in versions),
    }  # fmt: skip


def _version(report: Report, mask: Mask) -> Shown:
    """A version with the files that can be had of it; while the case is blinded an earlier one may name models."""
    named = is_named(report, report.case)
    names = [(name, title) for name, (_, title, _) in FORMS.items() if name in report.files and not named]
    later = report.case.reports.filter(number__gt=report.number, state="done").order_by("number").first()
    return {"report": report, "files": names, "named": named, "by": later, "error": mask.text(report.error)}


def is_named(report: Report, case: Case) -> bool:
    """Whether a version was made before the case was blinded, and so names its models."""
    return bool(case.is_blinded and case.blinded_at and report.created_at < case.blinded_at)


def _remark(row: Remark, mask: Mask) -> Shown:
    return {
        "row": row,
        "on": REPORT_SECTIONS[row.section],
        "text": mask.text(row.text),
        "answer": mask.text(row.answer),
    }


def papers(case: Case, mask: Mask, _: HttpRequest) -> Shown:
    """Facts, authority, people, files and tags."""
    return {
        "authorisations": case.authorisations.select_related("recorded_by"),
        "people": case.roles.select_related("user"), "attachments": case.attachments.select_related("by"),
        "model_authorisations": _leave_to_probe(case, mask),
    }  # fmt: skip


def _leave_to_probe(case: Case, mask: Mask) -> list[Shown]:
    items = standing(case)["items"]
    told = Authorisation.objects.filter(model__in=[item.model_id for item in items])
    latest = {authorisation.model_id: authorisation for authorisation in reversed(told)}
    return [{"name": mask.item(i), "authorisation": latest[i.model_id]} for i in items if i.model_id in latest]


TABLES = {
    "responses": "Responses: every completion with its outcome, tokens and the hash of its raw reply",
    "scores": "Scores: every score and likelihood ratio of every pair of the newest comparison",
    "findings": "Findings: each pair against each Hd, with its sentence",
}


def exports(case: Case, _: Mask, __: HttpRequest) -> Shown:
    """The case's bundles with how far they are, whether another can be made, and its tables."""
    found = list(case.bundles.select_related("created_by"))
    why = exporting.refusal(case)
    for bundle in found:
        bundle.percent = round(100 * bundle.progress)
    forms_of = {name: KINDS for name in TABLES if name == "responses" or runs.latest(case)}
    return {
        "bundles": found, "fingerprint": exporting.signer().fingerprint, "can_bundle": not why, "why_not": why,
        "follow": any(bundle.state in ("queued", "running") for bundle in found),
        "tables": [(name, TABLES[name], kinds) for name, kinds in forms_of.items()],
    }  # fmt: skip


Section = Callable[[Case, Mask, HttpRequest], Shown]
SECTIONS: dict[str, tuple[str, Section]] = {
    "overview": ("Overview", overview),
    "propositions": ("Propositions", stated),
    "items": ("Items", items),
    "plan": ("Plan", plan),
    "runs": ("Runs", work),
    "compare": ("Compare", compare),
    "contrary": ("Contrary evidence", against),
    "custody": ("Custody", log),
    "papers": ("Papers and people", papers),
    "report": ("Report", report),
    "exports": ("Exports", exports),
}
