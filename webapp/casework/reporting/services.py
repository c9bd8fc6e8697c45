"""Writes of reports: making a version, the expert's statement, the review and its signature."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from forensics.errors import BadInput
from forensics.reports.blocking import missing
from forensics.reports.sections import SECTIONS
from webapp import dispatch
from webapp.casework.cases import runs
from webapp.casework.cases.recording import log
from webapp.casework.models import Case, Expert, Remark, Report, SignOff
from webapp.casework.reporting import stored
from webapp.casework.reporting.record import Version, case_record, content_hash

CHECKLIST = {
    "data": "The data fit the question, and what is missing is explained.",
    "plan": "The plan was frozen before anything was acquired, and every deviation is sound.",
    "method": "The method was used within the conditions in which it was validated.",
    "controls": "The controls of this run were looked at, and each failure is explained.",
    "alternatives": "Each alternative was tested, and its verdict follows from the test.",
    "contrary": "The contrary evidence is complete and fairly told.",
    "wording": "The conclusions say no more than the likelihood ratios do.",
    "recomputed": "The recomputation from the stored replies agrees with the report.",
}
"""What a technical reviewer confirms, point by point."""


def make_draft(case: Case, template: str, *, user: Any = None) -> Report:
    """The next version as a draft, sent to a worker: it can always be had, whatever is missing."""
    return _make(case, template=template, kind=Report.Kind.DRAFT, user=user)


def make_final(case: Case, *, user: Any = None) -> Report:
    """The signed draft as a final version, sent to a worker.

    Raises BadInput naming everything that blocks it. The worker judges the finished record once more.
    """
    signed = latest_signed(case)
    if signed is None:
        raise BadInput("no draft was signed off by a reviewer: make a draft and have it reviewed first")
    if blocks := blocking(case, signed):
        raise BadInput(f"{len(blocks)} points block the export. {' '.join(blocks)}")
    return _make(case, template=signed.template, kind=Report.Kind.FINAL, user=user, signed=signed)


def blocking(case: Case, signed: Report) -> list[str]:
    """What blocks a final version of the signed draft, each as a sentence with its section."""
    apart = stored.record(signed)["apart"]
    version = Version(signed.number, "final", signed.template, timezone.now(), apart, figures=False)
    return sentences(case_record(case, version))


def sentences(record: dict[str, Any]) -> list[str]:
    """What blocks a record, as sentences that name the section."""
    return [f"{SECTIONS[one.section]}: {one.told}" for one in missing(record)]


def latest_signed(case: Case) -> Report | None:
    """The draft that was signed off last by somebody other than the analyst."""
    found = case.signoffs.exclude(by=case.analyst).select_related("report").last()
    return found.report if found else None


def _make(case: Case, *, template: str, kind: str, user: Any, signed: Report | None = None) -> Report:
    with transaction.atomic():
        # Numbers are given under the row's lock: two people who ask at once get two.
        Case.objects.select_for_update().get(pk=case.pk)
        last = case.reports.aggregate(last=Max("number"))["last"] or 0
        report = Report.objects.create(
            case=case, number=last + 1, kind=kind, template=template, signed=signed, comparison=runs.latest(case),
            created_by=user,
        )  # fmt: skip
        send_work(report)
        log(case, "report-asked", user, number=report.number, kind=kind, template=template)
    return report


def send_work(report: Report) -> None:
    """Send it to a worker on commit; the reconciler looks again after a lease's time."""
    again = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    Report.objects.filter(pk=report.pk).update(lease_expires=again)
    dispatch.send(dispatch.REPORT, str(report.pk), queue="cpu")


def state_expert(case: Case, *, user: Any = None, **fields: Any) -> Expert:
    """The expert's statement; the one before is kept."""
    with transaction.atomic():
        said = Expert.objects.create(case=case, by=user, **fields)
        log(case, "expert-stated", user, **fields)
    return said


def remark(case: Case, section: str, text: str, *, user: Any = None) -> Remark:
    """A comment of a reviewer on a section."""
    with transaction.atomic():
        found = Remark.objects.create(case=case, section=section, text=text.strip(), by=user)
        log(case, "review-remark", user, section=section, text=found.text)
    return found


def settle(remark: Remark, answer: str, *, user: Any = None) -> None:
    """Answer a comment; raises BadInput where it was answered before."""
    if remark.settled_at:
        raise BadInput("this comment was answered before, and the answer stands")
    with transaction.atomic():
        remark.answer, remark.settled_at = answer.strip(), timezone.now()
        remark.save(update_fields=["answer", "settled_at"])
        log(remark.case, "review-settled", user, section=remark.section, text=remark.text, answer=remark.answer)


def sign_off(case: Case, report: Report, *, user: Any) -> SignOff:
    """The technical review of a draft, every point of the checklist confirmed.

    Raises BadInput where the reviewer is the analyst or whoever made the draft, or it is not a finished draft.
    """
    if user in (case.analyst, report.created_by):
        raise BadInput("the technical reviewer must be somebody other than the analyst and whoever made the draft")
    if report.state != Report.State.DONE or report.kind != Report.Kind.DRAFT:
        raise BadInput(f"version {report.number} is no finished draft")
    with transaction.atomic():
        signed = SignOff.objects.create(
            case=case, report=report, by=user, checklist=list(CHECKLIST.values()),
            content_sha256=report.content_sha256,
        )  # fmt: skip
        log(case, "report-signed", user, number=report.number, sha256=report.content_sha256)
    return signed


def changed_since(record: dict[str, Any], signed: Report) -> list[str]:
    """The sections in which a record differs from the draft that was signed."""
    before = stored.record(signed)["record"]
    if content_hash(record) == content_hash(before):
        return []
    return [title for key, title in SECTIONS.items() if record[key] != before[key]]


def hand_out(report: Report, name: str, *, user: Any) -> None:
    """Log that a file of a version leaves."""
    log(report.case, "report-exported", user, number=report.number, file=name, sha256=report.files[name])
