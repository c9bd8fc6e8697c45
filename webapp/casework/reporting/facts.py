"""The sections of a record that people wrote: who, why, what is claimed, and the review."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from forensics.evaluation import propositions as known
from forensics.reports.sections import SECTIONS, Template
from webapp.accounts.models import Role
from webapp.casework.models import Case, SignOff
from webapp.casework.reporting.plain import moment, who

Row = dict[str, Any]


def reviewers(case: Case) -> list[str]:
    """Those other than the analyst who have the reviewer's role in the case."""
    rows = case.roles.filter(role=Role.REVIEWER).exclude(user=case.analyst).select_related("user")
    return [who(row.user) for row in rows]


def administrative(case: Case, kind: str) -> Row:
    """Who asked, who answers, and who looks over it; of earlier versions their numbers."""
    signed = _signature(case)
    return {
        "case": case.number, "title": case.title, "kind": kind, "commissioned_by": case.commissioned_by,
        "analyst": who(case.analyst) if case.analyst else "",
        "reviewer": who(signed.by) if signed else ", ".join(reviewers(case)),
        "opened_at": moment(case.created_at),
        "versions": [
            {"number": r.number, "kind": r.kind, "made_at": moment(r.created_at), "sha256": r.sha256}
            for r in case.reports.filter(state="done").order_by("number")
        ],
    }  # fmt: skip


def expert(case: Case, template: Template) -> Row:
    """The expert's latest statement, empty where there is none, and the template's statement of duty."""
    said = case.experts.select_related("by").last()
    names = ("qualifications", "publications", "testimony", "compensation")
    return {name: getattr(said, name) if said else "" for name in names} | {
        "name": who(said.by) if said else "", "signed": bool(said and said.signed),
        "at": moment(said.at) if said else None, "duty": template.duty,
    }  # fmt: skip


def instructions(case: Case) -> Row:
    """The question, and each authorisation with the facts that were supplied."""
    now = timezone.now()
    rows = case.authorisations.select_related("recorded_by").order_by("pk")
    probing = [
        {"model": item.model.name, "granted_by": a.granted_by, "basis": a.basis, "terms_reviewed": a.terms_reviewed,
         "expires_at": moment(a.expires_at)}
        for item in case.items.filter(withdrawn_at=None).select_related("model")
        for a in item.model.authorisations.all()[:1]
    ]  # fmt: skip
    return {
        "question": case.question,
        "authorisations": [
            {"granted_by": a.granted_by, "basis": a.basis, "facts": a.facts, "terms_reviewed": a.terms_reviewed,
             "recorded_at": moment(a.recorded_at), "recorded_by": who(a.recorded_by),
             "expires_at": moment(a.expires_at), "in_force": a.expires_at is None or a.expires_at > now}
            for a in rows
        ],
        "leave_to_probe": probing,
    }  # fmt: skip


def propositions(case: Case) -> Row:
    """Hp and every Hd, withdrawn ones too, with when each was set; what was set after unblinding is marked."""
    unblinded = case.unblinded_at
    return {
        "list_version": known.version(),
        "blinded_at": moment(case.blinded_at), "unblinded_at": moment(unblinded),
        "stated": [
            {"side": p.side, "key": p.key, "statement": p.statement, "level": p.level, "population": p.population,
             "set_at": moment(p.added_at), "set_by": who(p.added_by), "withdrawn_at": moment(p.withdrawn_at),
             "after_unblinding": bool(unblinded and p.added_at > unblinded)}
            for p in case.propositions.select_related("added_by")
        ],
        "deviations_after_unblinding": case.deviations.filter(what="propositions", unblinded=True).count(),
    }  # fmt: skip


def other(case: Case) -> Row:
    """The files of the case, each an exhibit of its own."""
    rows = case.attachments.select_related("by").order_by("pk")
    return {
        "exhibits": [
            {"name": a.name, "size": a.size, "sha256": a.sha256, "at": moment(a.at), "by": who(a.by)} for a in rows
        ]
    }


def _signature(case: Case) -> SignOff | None:
    found: SignOff | None = case.signoffs.exclude(by=case.analyst).select_related("by", "report").last()
    return found


def review(case: Case) -> Row:
    """The reviewers, their comments with what became of each, and the last signature with what it was put under."""
    signed = _signature(case)
    return {
        "reviewers": reviewers(case),
        "remarks": [
            {"section": SECTIONS[r.section], "text": r.text, "answer": r.answer, "by": who(r.by), "at": moment(r.at),
             "settled_at": moment(r.settled_at)}
            for r in case.remarks.select_related("by")
        ],
        "signoff": {
            "by": who(signed.by), "at": moment(signed.at), "version": signed.report.number,
            "content_sha256": signed.content_sha256, "checklist": signed.checklist,
        } if signed else None,
    }  # fmt: skip
