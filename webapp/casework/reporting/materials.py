"""The sections of a record that say what was acquired, how, and with what result: items, custody, method, quality."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from django.db.models import Max, Min
from django.utils.html import strip_tags

import forensics
from forensics import channels, registry
from forensics.records import Outcome
from webapp.casework.cases import activity, plans
from webapp.casework.cases.blinding import Mask
from webapp.casework.cases.findings import Findings
from webapp.casework.models import Case, Item
from webapp.casework.reporting.plain import NOT_RETURNED, moment, number, who
from webapp.catalogue.models import Access
from webapp.custody import queries as custody_log
from webapp.custody.models import Entry
from webapp.help import terms
from webapp.probing import queries as probing
from webapp.probing.models import Attempt, Collection

Row = dict[str, Any]


def items(case: Case) -> list[Row]:
    """Every item, withdrawn ones too, with each of its collections in the case."""
    runs: dict[Any, list[Collection]] = {}
    for run in case.collections.select_related("model", "suite").order_by("created_at", "pk"):
        runs.setdefault(run.model_id, []).append(run)
    rows = case.items.select_related("model")
    return [_item(item, runs.get(item.model_id, []), blinded=case.is_blinded) for item in rows]


def _item(item: Item, runs: list[Collection], *, blinded: bool) -> Row:
    model = item.model
    hidden = "withheld while the case is blinded" if blinded else ""
    weights = next((probing.answering_weights(run) for run in reversed(runs) if probing.answering_weights(run)), "")
    return {
        "label": item.label, "role": item.role, "model": model.name, "withdrawn_at": moment(item.withdrawn_at),
        "adapter": model.adapter, "endpoint": hidden or model.location,
        "remote_name": hidden or model.remote_name or "none",
        "claimed_identity": hidden or model.claimed_identity or "none stated",
        "weights_sha256": weights if model.access == Access.WEIGHTS and weights else _unweighed(item),
        "acquisitions": [_acquisition(run) for run in runs],
    }  # fmt: skip


def _unweighed(item: Item) -> str:
    return "recorded elsewhere, weights never seen" if item.model.is_recorded else "API only"


def _acquisition(run: Collection) -> Row:
    """One collection: what came back of its model, how it was sampled, first and last reply."""
    span = run.completions.aggregate(first=Min("received_at"), last=Max("received_at"))
    found = probing.attempts(run).filter(kind=Attempt.Kind.ANSWERED).order_by()
    told = {
        name: sorted({value or NOT_RETURNED for value in found.values_list(name, flat=True).distinct()})
        for name in ("returned_model", "provider", "system_fingerprint")
    }
    return {
        "collection": str(run.pk), "suite": str(run.suite), "state": run.state, "recorded": run.recorded,
        "who": who(run.created_by), "started_at": moment(run.created_at),
        "first_at": moment(span["first"]), "last_at": moment(span["last"]),
        "content_sha256": run.content_hash or None, "evidence_sha256": run.evidence_hash or None,
        "returned": {name: values or [NOT_RETURNED] for name, values in told.items()},
        "without_evidence": probing.without_evidence(run), "sampling": _sampling(run),
    }  # fmt: skip


def _sampling(run: Collection) -> list[Row]:
    """Each way of drawing replies in the suite, with the number of probes, and whether a system prompt stood before."""
    counted: dict[str, Row] = {}
    for config, messages in run.suite.probes.order_by("ordinal").values_list("config", "messages"):
        system = any(message["role"] == "system" for message in messages)
        key = repr((sorted(config.items(), key=str), system))
        row = counted.setdefault(key, {"parameters": config, "system_prompt": system, "probes": 0})
        row["probes"] += 1
    return list(counted.values())


def custody(case: Case, *, whole: bool) -> Row:
    """The case's entries in the log, oldest first, the chain's head, and whether the chain holds.

    whole: every link is recomputed; else the newest ones alone, which is enough for a page.
    """
    told = custody_log.verify(last=None if whole else custody_log.RECENT)
    mask = Mask(case)
    entries = Entry.objects.filter(subject__in=activity.subjects(case)).order_by("sequence")
    return {
        "entries": [
            {"sequence": row["entry"].sequence, "at": moment(row["entry"].at), "actor": row["entry"].actor,
             "act": row["act"], "told": row["told"], "sha256": row["entry"].entry_hash}
            for row in activity.shown(entries, mask)
        ],
        "chain": {"entries": told.entries, "checked": told.checked, "head": told.head, "problems": list(told.problems)},
        "timestamp": "operator-attested time only",
    }  # fmt: skip


def method(case: Case, found: Findings) -> Row:
    """The suite, the channels in use with their declarations, versions, seed and the plan's hash."""
    result = _manifest(found)
    plan = case.plan if case.is_frozen else None
    early = case.collections.filter(created_at__lt=plan.frozen_at).count() if plan else case.collections.count()
    return {
        "suite": {"name": case.suite.name, "version": case.suite.version, "sha256": case.suite.suite_hash}
        if case.suite else None,
        "channels": [
            {"name": name, "version": plugin.declaration.version, "title": plugin.declaration.title,
             "source": plugin.declaration.source, "shown_only": plugin.declaration.weightless}
            for name, plugin in registry.load_all(channels.PACKAGE).items()
        ],
        "engine": forensics.__version__, "environment": result, "seed": case.seed,
        "plan": {"sha256": plan.sha256, "frozen_at": moment(plan.frozen_at), "frozen_by": who(plan.frozen_by),
                 "holds": plans.holds(plan)} if plan else None,
        "collections": case.collections.count(), "before_the_plan": early,
    }  # fmt: skip


def _manifest(found: Findings) -> Row:
    from webapp.casework import queries

    return dict(queries.result(found.comparison).manifest) if found.comparison else {}


def quality(case: Case, found: Findings) -> Row:
    """What became of the planned calls of each collection, and how many probes each channel had to compare."""
    runs = case.collections.select_related("model", "suite").order_by("model__name", "created_at")
    return {
        "runs": [_tally(run) for run in runs],
        "explained": [f"Deviation {d.number}: {d.told} {d.reason}" for d in case.deviations.filter(what="data")],
        "coverage": _coverage(found),
    }  # fmt: skip


def _tally(run: Collection) -> Row:
    told = probing.tally(run)
    outcomes = {str(outcome): told.outcomes.get(outcome.value, 0) for outcome in Outcome}
    sent = run.spent_calls or told.done
    valid = outcomes["completed"] + outcomes["truncated"]
    return {
        "model": run.model.name, "state": run.state, "planned": told.planned, "sent": sent, "valid": valid,
        "missing": {name: n for name, n in outcomes.items() if n and name not in ("completed", "truncated")}
        | ({"unsent": told.unsent} if told.unsent else {}),
        "retries": max(0, sent - told.done), "coverage": number(valid / told.planned) if told.planned else None,
        "error": run.error,
    }  # fmt: skip


def _coverage(found: Findings) -> list[Row]:
    """For each channel's first score, on how many of the pairs that the case asks about it is estimable."""
    from webapp.casework import queries

    if found.comparison is None:
        return []
    result = queries.result(found.comparison)
    pairs = {
        (result.models.index(row.questioned.model.name), result.models.index(row.reference.model.name))
        for row in found.rows
    }
    return [
        {"score": name, "pairs": len(pairs), "estimable": sum(number(matrix[p]) is not None for p in pairs)}
        for name, matrix in result.scores.items()
    ]


def limitations(found: Findings) -> list[Row]:
    """What each channel says of its own limits, those that the calibration weighs first."""
    weighed = _weighed(found.calibration)
    rows = [
        {"channel": name, "weighed": any(w == name.replace("-", "_") or w.startswith(f"{name.replace('-', '_')}_")
                                         for w in weighed), "limitations": list(plugin.declaration.limitations)}
        for name, plugin in registry.load_all(channels.PACKAGE).items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (not row["weighed"], row["channel"]))


def _weighed(calibration: Mapping[str, Any]) -> set[str]:
    from forensics.evaluation import calibration as calibrations

    chosen = next((c for c in calibrations.shipped() if c.hash == calibration.get("hash")), None)
    return {name for model in chosen.propositions.values() for name in model.weighed} if chosen else set()


def appendices(case: Case) -> Row:
    """The probes in the suite's order, and the glossary."""
    rows = case.suite.probes.all() if case.suite else []
    return {
        "suite_sha256": case.suite.suite_hash if case.suite else None,
        "probes": [
            {"id": p.prompt_id, "family": p.family, "mode": p.mode,
             "messages": [{"role": m["role"], "content": m["content"]} for m in p.messages]}
            for p in rows
        ],
        "glossary": [
            {"term": _plain(term), "means": _plain(means)} for part in terms.sections() for term, means in part.terms
        ],
    }  # fmt: skip


def _plain(told: str) -> str:
    return html.unescape(strip_tags(told))
