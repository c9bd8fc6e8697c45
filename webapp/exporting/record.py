"""What a bundle tells of its case, as plain JSON: one value for each file under `case/`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, QuerySet

from webapp.casework.cases import activity
from webapp.casework.models import Case, Comparison
from webapp.exporting import reports
from webapp.probing.models import Attempt, Collection

Row = dict[str, Any]


def case_files(case: Case, comparison: Comparison) -> dict[str, Any]:
    """File stem to content: facts, propositions, items, controls, authorisations, plan, deviations, verdicts, what was
    excluded, and what the custody entries that are told in full are about. Withdrawn rows are there, with the time."""
    return {
        "case": {
            "number": case.number, "title": case.title, "question": case.question,
            "commissioned_by": case.commissioned_by, "analyst": _who(case.analyst), "opened": _at(case.created_at),
            "blinded": _at(case.blinded_at), "unblinded": _at(case.unblinded_at), "seed": case.seed,
            "people": [{"person": _who(r.user), "role": r.role} for r in case.roles.select_related("user")],
        },
        "propositions": [
            _of(row, "side", "key", "statement", "level", "population") | _standing(row)
            for row in case.propositions.all()
        ],
        "items": [
            _of(row, "label", "role") | _standing(row)
            | _of(row.model, "name", "adapter", "location", "remote_name", "claimed_identity", "check_info")
            for row in case.items.select_related("model")
        ],
        "controls": [
            _of(row, "kind", "ground", "explanation") | _standing(row)
            | {"models": [row.first.model.name, row.second.model.name]}
            for row in case.controls.select_related("first__model", "second__model")
        ],
        "authorisations": [
            _of(row, "granted_by", "basis", "facts", "terms_reviewed")
            | {"expires": _at(row.expires_at), "recorded": _at(row.recorded_at), "by": _who(row.recorded_by)}
            for row in case.authorisations.select_related("recorded_by")
        ],
        "leave-to-probe": _leave(case),
        "plan": _plan(case),
        "deviations": [
            _of(row, "number", "what", "told", "reason", "before", "after", "unblinded")
            | {"at": _at(row.at), "by": _who(row.by)}
            for row in case.deviations.select_related("by")
        ],
        "verdicts": [
            _of(row, "key", "answer", "test") | {"at": _at(row.at), "by": _who(row.by)}
            for row in case.verdicts.select_related("by")
        ],
        "attachments": [_of(row, "name", "size", "sha256") | {"at": _at(row.at)} for row in case.attachments.all()],
        "excluded": _excluded(case, comparison),
        "report": reports.newest(case),
        "subjects": sorted(activity.subjects(case)),
    }  # fmt: skip


def _of(row: Any, *names: str) -> Row:
    return {name: getattr(row, name) for name in names}


def _at(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else None


def _who(user: Any) -> str:
    return str(user or "system")


def _standing(row: Any) -> Row:
    return {"added": _at(row.added_at), "withdrawn": _at(row.withdrawn_at)}


def _plan(case: Case) -> Row | None:
    if not case.is_frozen:
        return None
    plan = case.plan
    return _of(plan, "content", "sha256") | {"frozen": _at(plan.frozen_at), "by": _who(plan.frozen_by)}


def _leave(case: Case) -> list[Row]:
    """Who allowed single endpoints to be probed."""
    return [
        {"model": item.model.name, "granted_by": one.granted_by, "basis": one.basis, "starts": _at(one.starts_at)}
        for item in case.items.select_related("model")
        for one in item.model.authorisations.all()
    ]


def _excluded(case: Case, comparison: Comparison) -> Row:
    """By rule: what was acquired in this case and is not what was compared, and why."""
    compared = comparison.collections.all()
    return {
        "collections": [
            {"collection": str(run.pk), "model": run.model.name, "state": run.state, "error": run.error}
            for run in case.collections.exclude(pk__in=compared).select_related("model")
        ],
        "comparisons": [
            {"comparison": str(other.pk), "state": other.state, "error": other.error, "made": _at(other.created_at)}
            for other in case.comparisons.exclude(pk=comparison.pk)
        ],
        "replies_without_words": [
            {"collection": str(run.pk), "model": run.model.name, "outcomes": _wordless(run)}
            for run in compared.select_related("model").order_by("model__name")
        ],
        "attempts_not_read": _unread(compared),
        "other_identities": [
            {"collection": str(run.pk), "model": run.model.name, "compared": run.identities[run.segment],
             "left_out": [one for place, one in enumerate(run.identities) if place != run.segment]}
            for run in compared.exclude(segment=None).select_related("model").order_by("model__name")
        ],
    }  # fmt: skip


def _wordless(run: Collection) -> dict[str, int]:
    return {name: count for name, count in sorted(run.counts.items()) if name not in ("completed", "truncated")}


def _unread(runs: QuerySet[Collection]) -> list[Row]:
    """Sends that brought nothing which is read: lost with their worker, too late, or made up for by a later one."""
    found = Attempt.objects.filter(call__collection__in=runs, completion=None).order_by("call__collection", "kind")
    counted = found.values_list("call__collection", "kind").annotate(Count("pk"))
    return [{"collection": str(pk), "kind": kind, "attempts": count} for pk, kind, count in counted]
