"""Writes of comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forensics.errors import BadInput
from webapp import dispatch
from webapp.casework.models import Comparison
from webapp.catalogue.models import Model
from webapp.custody import services as custody
from webapp.probing import queries as probing
from webapp.probing.models import Suite


def start_comparison(
    *, suite: Suite, models: Sequence[Model], title: str = "", seed: int = 0, user: Any = None
) -> Comparison:
    """A queued comparison over each model's latest finished collection of the suite, sent to a worker.

    Raises BadInput for fewer than two models, or naming those without a finished collection.
    """
    chosen = {model.pk: model for model in models}
    if len(chosen) < 2:
        raise BadInput("a comparison needs at least two models")
    latest = {model.name: probing.latest_done(model, suite) for model in chosen.values()}
    if missing := sorted(name for name, collection in latest.items() if collection is None):
        raise BadInput(f"no finished collection of {suite} for: {', '.join(missing)}")
    if mixed := sorted(name for name, c in latest.items() if c is not None and c.changed_model and c.segment is None):
        raise BadInput(
            f"more than one model answered in the collection of: {', '.join(mixed)}. A comparison would mix them: "
            "choose a segment on the collection's page, or collect again"
        )
    with transaction.atomic():
        comparison = Comparison.objects.create(
            title=title.strip() or f"{len(chosen)} models on {suite}", suite=suite, seed=seed, created_by=user
        )
        comparison.collections.set([c for c in latest.values() if c is not None])
        send_work(comparison)
        hashes = {name: c.compared_hash for name, c in latest.items() if c is not None}
        custody.append(actor=user, action="comparison-started", subject=comparison.pk, response_sets=hashes)
    return comparison


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
            custody.append(actor=user, action="comparison-retried", subject=comparison.pk)
    return bool(moved)
