"""The runs of a case: its collections, and the comparison once they are done."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from forensics.errors import BadInput, ForensicsError
from webapp.casework import services as comparisons
from webapp.casework.cases.contents import standing
from webapp.casework.cases.recording import log, require_open
from webapp.casework.models import Case, Comparison, Item
from webapp.catalogue.models import Model
from webapp.probing import queries as probing
from webapp.probing import services as collecting
from webapp.probing.models import Collection
from webapp.probing.services import NO_LIMITS, Plan

logger = logging.getLogger(__name__)

OPEN = (Collection.State.RUNNING, Collection.State.PAUSED)


@dataclass(frozen=True, slots=True)
class Started:
    """What became of starting: collections that run now, those that were taken as stored, and what went wrong."""

    running: tuple[Collection, ...]
    taken: tuple[Collection, ...]
    problems: tuple[str, ...]


def uncollected(case: Case) -> list[Model]:
    """Models of the case that have neither a finished nor an open collection of its suite in it."""
    return [item.model for item in without_run(case).select_related("model")]


def without_run(case: Case) -> QuerySet[Item]:
    """The items of those models."""
    there = case.collections.filter(suite=case.suite, state__in=["running", "paused", "done"]).values("model")
    return case.items.filter(withdrawn_at=None).exclude(model__in=there)


def collect(
    case: Case, *, plan: Plan = NO_LIMITS, reuse: bool = False, compare: bool = True, user: Any = None
) -> Started:
    """Collections of the case's suite on every model that has none in it yet.

    Recorded models give what is stored; with `reuse` the others too, where they have answered already. With `compare`
    the comparison starts by itself when all are done. Raises BadInput before the plan is frozen. A model that cannot
    be probed does not hold up the others: it is named among the problems.
    """
    require_open(case)
    if not case.is_frozen or case.suite is None:
        raise BadInput("freeze the plan first: what is acquired before shows as a gap in the report")
    running, taken, problems = [], [], []
    for model in uncollected(case):
        stored = probing.latest_done(model, case.suite) if reuse or model.is_recorded else None
        try:
            if stored is None:
                running.append(collecting.start_collection(model, case.suite, user=user, plan=plan))
            else:
                taken.append(stored)
        except ForensicsError as problem:
            problems.append(str(problem))
    add(case, [*running, *taken], user=user)
    Case.objects.filter(pk=case.pk).update(compare_when_done=compare and not problems, compare_error="")
    return Started(tuple(running), tuple(taken), tuple(problems))


def add(case: Case, collections: list[Collection], *, user: Any = None) -> None:
    """Let these collections belong to the case."""
    here = set(case.collections.values_list("pk", flat=True))
    if new := [c for c in collections if c.pk not in here]:
        with transaction.atomic():
            case.collections.add(*new)
            told = [{"collection": str(c.pk), "model": c.model.name, "state": c.state} for c in new]
            log(case, "case-collections-added", user, collections=told)


def compare(case: Case, *, user: Any = None) -> Comparison:
    """A queued comparison of the case's models on what this case collected; raises BadInput naming who is missing."""
    require_open(case)
    if case.suite is None:
        raise BadInput("choose a suite first")
    models = [item.model for item in standing(case)["items"]]
    title = f"{case.number} on {case.suite}"
    comparison = comparisons.start_comparison(
        suite=case.suite, models=models, title=title, seed=case.seed, user=user, case=case
    )
    Case.objects.filter(pk=case.pk).update(compare_when_done=False, compare_error="")
    return comparison


def adopt(case: Case, comparison: Comparison, *, user: Any = None) -> None:
    """Let a comparison that was made outside belong to the case."""
    if comparison.team_id not in (None, case.team_id) or comparison.case_id not in (None, case.pk):
        raise BadInput("this comparison belongs to another team or case")
    with transaction.atomic():
        comparison.case, comparison.team = case, case.team
        comparison.save(update_fields=["case", "team"])
        log(case, "case-comparison-added", user, comparison=str(comparison.pk))


def start_due() -> list[Comparison]:
    """The comparisons of all cases that waited for their collections and can start now. For the reconciler."""
    waiting = Case.objects.filter(compare_when_done=True).exclude(state=Case.State.CLOSED)
    # A collection that failed does not hold the others up for ever: the comparison is tried, and names who is missing.
    due = waiting.exclude(collections__in=Collection.objects.filter(state__in=OPEN)).select_related(
        "suite", "created_by"
    )
    return [comparison for case in due if (comparison := _start(case)) is not None]


def _start(case: Case) -> Comparison | None:
    with transaction.atomic():
        # Whoever turns the switch starts it: of two reconcilers at once, one finds it turned.
        if not Case.objects.filter(pk=case.pk, compare_when_done=True).update(compare_when_done=False):
            return None
        try:
            return compare(case, user=case.analyst)
        except BadInput as problem:
            logger.info("case %s cannot be compared: %s", case.number, problem)
            Case.objects.filter(pk=case.pk).update(compare_error=str(problem))
            return None


def latest(case: Case, *, state: str = Comparison.State.DONE) -> Comparison | None:
    """The case's newest comparison in that state."""
    return case.comparisons.filter(state=state).select_related("suite").first()
