"""Long work that one row stands for: claimed by lease and fence, its progress shown, its failure told on the row.

The row has the fields state, stage, progress, error, attempt, lease_expires and finished_at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from forensics.errors import ForensicsError
from tasks.heartbeat import Heartbeat
from tasks.ledger import lease_end

log = logging.getLogger(__name__)

SHOW_EVERY = 0.5
QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
Show = Callable[[str, float], None]


R = TypeVar("R", bound=Model)
T = TypeVar("T")


def perform(rows: QuerySet[R], pk: str, compute: Callable[[R, Show], T], finish: Callable[[R, T], None]) -> None:
    """Compute what waits, or whose worker died, and finish it; do nothing if another worker has it."""
    row = claim(rows, pk)
    if row is None:
        return
    own = mine(rows, row)
    try:
        with Heartbeat(lambda: bool(own.update(lease_expires=lease_end())), settings.LEASE_SECONDS / 3) as heart:
            result = compute(row, _progress(own.update, heart))
        finish(row, result)
    except ForensicsError as problem:
        own.update(state=FAILED, error=str(problem), finished_at=timezone.now())
    except Exception as problem:
        log.exception("%s %s failed", type(row).__name__.lower(), pk)
        own.update(state=FAILED, error=f"{type(problem).__name__}: {problem}", finished_at=timezone.now())


def claim(rows: QuerySet[R], pk: str) -> R | None:
    """The row with the next attempt's number, or None where it is done, failed, or somebody else's."""
    free = Q(state=QUEUED) | Q(state=RUNNING, lease_expires__lte=timezone.now())
    with transaction.atomic():
        moved = rows.filter(free, pk=pk).update(
            state=RUNNING, attempt=F("attempt") + 1, lease_expires=lease_end(), error=""
        )
        return rows.get(pk=pk) if moved else None


def mine(rows: QuerySet[R], row: R) -> QuerySet[R]:
    """The row as long as this attempt is the latest: every write goes through this fence."""
    return rows.filter(pk=row.pk, attempt=row.attempt, state=RUNNING)  # type: ignore[attr-defined]


def silent(rows: QuerySet[R]) -> list[R]:
    """Rows that wait or run with a lease that has passed, put back in the queue."""
    found = list(rows.filter(state__in=[QUEUED, RUNNING], lease_expires__lte=timezone.now()))
    rows.filter(pk__in=[row.pk for row in found], state=RUNNING).update(state=QUEUED)
    return found


def _progress(update: Callable[..., int], heart: Heartbeat) -> Show:
    shown = 0.0

    def show(stage: str, share: float) -> None:
        nonlocal shown
        heart.touch()
        if time.monotonic() - shown > SHOW_EVERY:
            shown = time.monotonic()
            update(stage=stage[:100], progress=share)

    return show
