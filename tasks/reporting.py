"""Makes a version of a report: recomputes its results from the stored replies, leaves parts out, and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from forensics.errors import BadInput
from forensics.provenance import sha256
from tasks import work
from tasks.app import app
from tasks.comparing import computed
from webapp import dispatch
from webapp.casework import queries as casework
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.findings import Finding, findings
from webapp.casework.cases.recording import log
from webapp.casework.models import Case, Comparison, Report
from webapp.casework.reporting import services, stored
from webapp.casework.reporting.record import Version, case_record, content_hash
from webapp.probing import queries

if TYPE_CHECKING:
    from forensics.lineage.comparison import Material
    from forensics.lineage.explanation import Explanation
    from forensics.lineage.leaving import Left, LeftOut
    from forensics.lineage.records import Comparison as Result

EXEMPLARS = 5
TOLERANCE = 1e-9
Made = tuple[dict[str, Any], dict[str, bytes], Mapping[str, Any]]


@app.task(name=dispatch.REPORT)
def make_report(report_id: str) -> None:
    """Make a version that waits, or whose worker died; do nothing if another worker has it."""
    work.perform(_rows(), report_id, _compute, _finish)


def _rows() -> QuerySet[Report]:
    return Report.objects.select_related("case__analyst", "case__suite", "comparison__suite", "signed")


def _compute(report: Report, show: work.Show) -> Made:
    from forensics import figures, registry
    from forensics.reports.case_files import files

    apart = _apart(report.case, report.comparison, show) if report.comparison else {}
    show("writing the record", 0.8)
    version = Version(report.number, report.kind, report.template, report.created_at, apart)
    record = case_record(report.case, version)
    if report.kind == Report.Kind.FINAL:
        _require_unblocked(report, record)
    show("drawing its pages", 0.9)
    made = files(record, lambda data: registry.load(figures.PACKAGE, data["name"]).figure(data))
    return record, made, apart


def _require_unblocked(report: Report, record: dict[str, Any]) -> None:
    """Nothing final that is blocked, or that differs from what the reviewer signed."""
    if blocks := services.sentences(record):
        raise BadInput(f"{len(blocks)} points block the export. {' '.join(blocks)}")
    assert report.signed is not None
    if changed := services.changed_since(record, report.signed):
        raise BadInput(
            f"the case has changed since version {report.signed.number} was signed, in: {', '.join(changed)}. "
            "Make a draft and have it reviewed again"
        )


def _apart(case: Case, comparison: Comparison, show: work.Show) -> dict[str, Any]:
    """What a recomputation came to, and by pair the LR without each of its parts."""
    kept: list[Material] = []
    result = casework.result(comparison)
    anew = computed(comparison, lambda stage, share: show(stage, 0.6 * share), replicates=0, keep=kept.append)
    found = findings(case, Mask(case))
    heads = {(r.questioned.model.name, r.reference.model.name): r for r in found.rows if r.value is not None}
    show("leaving parts out", 0.6)
    pairs = _pairs(case, comparison, result, kept[0], heads)
    return {"recomputed": _recomputed(result, anew), "pairs": pairs}


def _recomputed(stored_result: Result, anew: Result) -> dict[str, Any]:
    from forensics.lineage.leaving import difference

    most = difference(stored_result, anew)
    agrees = most <= TOLERANCE and stored_result.calibration == anew.calibration
    shown = (
        "some are missing, or of other models" if most == float("inf") else f"largest relative difference {most:.1e}"
    )
    verb = "agrees" if agrees else "does not agree"
    return {
        "agrees": agrees, "largest": None if most == float("inf") else most,
        "told": f"The recomputation of every score and LR from the stored replies {verb}: {shown}.",
    }  # fmt: skip


def _pairs(
    case: Case, comparison: Comparison, result: Result, made: Material, heads: Mapping[tuple[str, str], Finding]
) -> dict[str, Any]:
    """By the two names: the LR without each part, its interval, and phrases by rule."""
    from forensics.lineage.explanation import explain
    from forensics.lineage.leaving import leave_out

    if not heads:
        return {}
    prompts = queries.prompts(comparison.suite)
    asked = next(iter(heads.values())).relation_asked
    items = case.items.filter(withdrawn_at=None, role__in=["reference", "background"])
    others = [name for name in items.values_list("model__name", flat=True) if name in result.models]
    left = leave_out(result, made, prompts, list(heads), asked, others=others)
    told = {}
    for pair in heads:
        words = queries.response_set(casework.collection_of(comparison, pair[0]))
        why = explain(result, made, prompts, words, pair[1], propositions=(asked,), top=EXEMPLARS)
        told["\n".join(pair)] = _plain(left[pair], why)
    return told


def _plain(left: LeftOut, why: Explanation) -> dict[str, Any]:
    from forensics.lineage.explanation_text import fewest_text

    def rows(parts: tuple[Left, ...]) -> list[dict[str, Any]]:
        return [{"without": p.without, "log10_lr": p.llr, "verbal": p.verbal, "why": p.why} for p in parts]

    rule = f"one of the {EXEMPLARS} shared phrases that add most to the agreement of the two"
    return {
        "channels": rows(left.channels), "families": rows(left.families), "references": rows(left.references),
        "interval": list(left.interval) if left.interval else None,
        "exemplars": [{"text": p.text, "value": p.overlap, "rule": rule} for p in why.phrases],
        "fewest": fewest_text(why.why[0].fewest) if why.why else None,
    }  # fmt: skip


def _finish(report: Report, made: Made) -> None:
    record, files, apart = made
    folder = stored.write(report, files, apart)
    hashes = {name: sha256(body) for name, body in files.items()}
    with transaction.atomic():
        if work.mine(_rows(), report).update(
            state=work.DONE, stage="done", progress=1.0, finished_at=timezone.now(), files=hashes,
            sha256=hashes[stored.RECORD], content_sha256=content_hash(record),
        ):  # fmt: skip
            # Inside the transaction: the row says done only if the files are in their place.
            stored.place(report, folder)
            head = record["custody"]["chain"]["head"]
            log(report.case, "report-made", None, number=report.number, kind=report.kind, files=hashes, head=head)
