"""Writes of comparisons."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forensics.errors import BadInput
from webapp import dispatch
from webapp.accounts.access import home_team
from webapp.casework.models import Case, Comparison
from webapp.catalogue.models import Model
from webapp.custody import services as custody
from webapp.probing import queries as probing
from webapp.probing.models import Collection, Suite


def start_comparison(
    *, suite: Suite, models: Sequence[Model], title: str = "", seed: int = 0, user: Any = None, case: Case | None = None
) -> Comparison:
    """A queued comparison over each model's latest finished collection of the suite, sent to a worker.

    With a case, over the latest one of that case. Raises BadInput for fewer than two models, for models of more than
    one team, or naming those without a finished collection.
    """
    chosen = {model.pk: model for model in models}
    if len(chosen) < 2:
        raise BadInput("a comparison needs at least two models")
    latest = {model.name: probing.latest_done(model, suite, case=case) for model in chosen.values()}
    if missing := sorted(name for name, collection in latest.items() if collection is None):
        raise BadInput(f"no finished collection of {suite} for: {', '.join(missing)}")
    if mixed := sorted(name for name, c in latest.items() if c is not None and c.changed_model and c.segment is None):
        raise BadInput(
            f"more than one model answered in the collection of: {', '.join(mixed)}. A comparison would mix them: "
            "choose a segment on the collection's page, or collect again"
        )
    team = _team(chosen.values(), case, user)
    found = [c for c in latest.values() if c is not None]
    title = title.strip() or f"{len(chosen)} models on {suite}"
    return _start(title, found, suite=suite, seed=seed, created_by=user, case=case, team_id=team)


def _start(title: str, collections: Sequence[Collection], **fields: Any) -> Comparison:
    with transaction.atomic():
        comparison = Comparison.objects.create(title=title, **fields)
        comparison.collections.set(collections)
        send_work(comparison)
        told: dict[str, Any] = {"response_sets": {c.model.name: c.compared_hash for c in collections}}
        if comparison.case:
            told["case"] = comparison.case.number
        _log(comparison, "comparison-started", comparison.created_by, **told)
    return comparison


def _team(models: Iterable[Model], case: Case | None, user: Any) -> uuid.UUID | None:
    """The one team that a comparison belongs to: its models' and its case's, else its maker's home."""
    teams = {m.team_id for m in models if m.team_id}
    teams |= {case.team_id} if case and case.team_id else set()
    if len(teams) > 1:
        raise BadInput("models of two teams are not compared with one another: one team would see the other's")
    if case and teams != ({case.team_id} if case.team_id else set()):
        raise BadInput("a case that is shared with everybody cannot hold a team's models")
    return teams.pop() if teams else None if case else home_team(user)


def send_work(comparison: Comparison) -> None:
    """Send the comparison to a worker on commit; the reconciler looks again after a lease's time."""
    again = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    Comparison.objects.filter(pk=comparison.pk).update(lease_expires=again)
    dispatch.send(dispatch.COMPARE, str(comparison.pk), queue="cpu")


def retry(comparison: Comparison, *, user: Any = None) -> bool:
    """Whether a failed comparison was queued again."""
    with transaction.atomic():
        moved = Comparison.objects.filter(pk=comparison.pk, state="failed").update(
            state="queued", error="", progress=0.0, stage=""
        )
        if moved:
            send_work(comparison)
            _log(comparison, "comparison-retried", user)
    return bool(moved)


def _log(comparison: Comparison, action: str, user: Any, **detail: Any) -> None:
    custody.append(actor=user, action=action, subject=comparison.pk, team=comparison.team_id, **detail)
