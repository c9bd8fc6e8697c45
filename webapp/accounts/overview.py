"""What the first page says, read through the access modules alone: what needs the reader, what runs, what failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from webapp.accounts.models import WORKING, Role
from webapp.casework.access import comparisons_for
from webapp.casework.cases import steps
from webapp.casework.cases.access import cases_for
from webapp.casework.models import Case
from webapp.catalogue.access import models_for
from webapp.catalogue.models import Authorisation
from webapp.probing import live
from webapp.probing.access import collections_for

LATEST = 6
SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Action:
    """The one thing to do next."""

    title: str
    why: str
    button: str
    url: str


def overview(user: Any) -> dict[str, Any]:
    """Everything on the first page by name."""
    collections, comparisons, cases = collections_for(user), comparisons_for(user), cases_for(user)
    running = list(collections.filter(state="running")[:12])
    counts = {
        "cases": cases.exclude(state="closed").count(),
        "models": models_for(user).count(),
        "collections": collections.filter(state="done").count(),
        "comparisons": comparisons.filter(state="done").count(),
    }
    return {
        "counts": counts,
        "needs": list(_needs(user)),
        "running": live.rows(running),
        "running_ids": ",".join(str(c.pk) for c in running),
        "open_comparisons": comparisons.filter(state__in=["queued", "running"])[:LATEST],
        "failed": list(collections.filter(state__in=["failed", "paused"])[:LATEST]),
        "failed_comparisons": list(comparisons.filter(state="failed")[:LATEST]),
        "latest": list(comparisons.filter(state="done")[:LATEST]),
        "cases": list(cases.exclude(state="closed").order_by("-changed_at")[:LATEST]),
        "action": _next(counts),
    }


def _needs(user: Any) -> Iterator[Action]:
    """Cases that wait for this person, and leave to probe that ends soon."""
    working = Q(analyst=user) | Q(roles__user=user, roles__role__in=WORKING)
    for case in _open(user).filter(working).distinct().order_by("-changed_at")[:LATEST]:
        step, page = steps.next_of(steps.steps(case)), reverse("cases:case", args=[case.pk])
        if case.compare_error:
            yield Action(str(case), case.compare_error, "Go to the runs", f"{page}runs/")
        elif step is not None and step.todo and not steps.waits(case):
            yield Action(str(case), step.todo, step.button, f"{page}{step.page}/")
    for case in _open(user).filter(roles__user=user, roles__role=Role.REVIEWER, comparisons__state="done").distinct():
        if not case.notes.filter(by=user).exists():
            why = "It has a finding, and you are its reviewer: read it, and note what you found."
            yield Action(str(case), why, "Review it", reverse("cases:section", args=[case.pk, "contrary"]))
    now = timezone.now()
    ending = Authorisation.objects.filter(model__in=models_for(user), expires_at__range=(now, now + SOON))
    for authorisation in ending.select_related("model")[:LATEST]:
        why = f"The leave to probe it ends {authorisation.expires_at:%d %b %Y}; no call is sent after that."
        page = reverse("catalogue:model", args=[authorisation.model.pk])
        yield Action(authorisation.model.name, why, "Look at it", page)


def _open(user: Any) -> Any:
    return cases_for(user).exclude(state=Case.State.CLOSED)


def _next(counts: dict[str, int]) -> Action | None:
    if not counts["models"]:
        return Action(
            "Begin with the models",
            "An investigation needs models: weights on this server, an endpoint, or transcripts recorded elsewhere.",
            "Register a model", reverse("catalogue:register"),
        )  # fmt: skip
    if not counts["cases"]:
        return Action(
            "Investigate a model", "Ask whether it descends from another one, and follow the question to a finding.",
            "Investigate a model", reverse("cases:start"),
        )  # fmt: skip
    return None
