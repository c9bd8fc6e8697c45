"""Asking for an explanation, once for each pair."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forensics.errors import BadInput
from webapp import dispatch
from webapp.casework.models import Comparison
from webapp.custody import services as custody
from webapp.explaining.models import Explanation


def ask(comparison: Comparison, pair: tuple[str, str], *, user: Any = None) -> Explanation:
    """The explanation of a pair, sent to a worker unless there is one already; one that failed is tried again.

    Raises BadInput for a comparison without a result, or a model with itself.
    """
    if comparison.state != Comparison.State.DONE:
        raise BadInput(f"this comparison is {comparison.state}: there is nothing to explain yet")
    first, second = sorted(pair)
    if first == second:
        raise BadInput("a model is not compared with itself", where=first)
    with transaction.atomic():
        found, made = Explanation.objects.get_or_create(
            comparison=comparison, model_a=first, model_b=second, defaults={"created_by": user}
        )
        if made or _again(found):
            send_work(found)
            custody.append(
                actor=user,
                action="explanation-asked",
                subject=comparison.pk,
                models=[first, second],
                explanation=str(found.pk),
            )
    return found


def _again(explanation: Explanation) -> bool:
    """Whether a failed one was put back in the queue."""
    failed = Explanation.objects.filter(pk=explanation.pk, state=Explanation.State.FAILED)
    moved = failed.update(state=Explanation.State.QUEUED, error="", stage="", progress=0.0)
    explanation.refresh_from_db()
    return bool(moved)


def send_work(explanation: Explanation) -> None:
    """Send it to a worker on commit; the reconciler looks again after a lease's time."""
    again = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    Explanation.objects.filter(pk=explanation.pk).update(lease_expires=again)
    dispatch.send(dispatch.EXPLAIN, str(explanation.pk), queue="cpu")
