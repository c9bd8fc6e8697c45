"""Runs a comparison and stores its result."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from forensics.errors import ForensicsError
from forensics.lineage.records import Comparison as Result
from tasks.app import app
from tasks.heartbeat import Heartbeat
from tasks.ledger import lease_end
from webapp import dispatch
from webapp.casework.models import Comparison
from webapp.custody import services as custody
from webapp.probing import queries

log = logging.getLogger(__name__)

SHOW_EVERY = 0.5


@app.task(name=dispatch.COMPARE)
def run_comparison(comparison_id: str) -> None:
    """Compute a comparison that waits, or whose worker died; do nothing if another worker has it."""
    comparison = _claim(comparison_id)
    if comparison is None:
        return
    mine = Comparison.objects.filter(pk=comparison.pk, attempt=comparison.attempt, state=Comparison.State.RUNNING)
    try:
        with Heartbeat(lambda: bool(mine.update(lease_expires=lease_end())), settings.LEASE_SECONDS / 3) as heart:
            result = _compute(comparison, _progress(mine.update, heart))
        _finish(comparison, result)
    except ForensicsError as problem:
        mine.update(state=Comparison.State.FAILED, error=str(problem), finished_at=timezone.now())
    except Exception as problem:
        log.exception("comparison %s failed", comparison_id)
        error = f"{type(problem).__name__}: {problem}"
        mine.update(state=Comparison.State.FAILED, error=error, finished_at=timezone.now())


def _claim(comparison_id: str) -> Comparison | None:
    free = Q(state=Comparison.State.QUEUED) | Q(state=Comparison.State.RUNNING, lease_expires__lte=timezone.now())
    with transaction.atomic():
        moved = Comparison.objects.filter(free, pk=comparison_id).update(
            state=Comparison.State.RUNNING, attempt=F("attempt") + 1, lease_expires=lease_end(), error=""
        )
        return Comparison.objects.select_related("suite").get(pk=comparison_id) if moved else None


def _progress(update: Callable[..., int], heart: Heartbeat) -> Callable[[str, float], None]:
    shown = 0.0

    def show(stage: str, share: float) -> None:
        nonlocal shown
        heart.touch()
        if time.monotonic() - shown > SHOW_EVERY:
            shown = time.monotonic()
            update(stage=stage[:100], progress=share)

    return show


def _compute(comparison: Comparison, show: Callable[[str, float], None]) -> Result:
    # Imported here: the other workers need not hold the engine's numerical libraries in memory.
    from forensics.lineage.comparison import compare

    show("reading responses", 0.0)
    chosen = comparison.collections.select_related("model").order_by("model__name")
    return compare(
        (queries.response_set(collection) for collection in chosen),
        queries.prompts(comparison.suite),
        suite_hash=comparison.suite.suite_hash,
        cache=Path(settings.FILIATION_HOME) / "cache",
        jobs=settings.JOBS,
        progress=show,
        seed=comparison.seed,
    )


def _finish(comparison: Comparison, result: Result) -> None:
    from forensics.lineage.storage import save
    from forensics.lineage.tree_file import save_tree

    draft = comparison.folder.with_suffix(f".draft-{comparison.attempt}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    save(result, draft)
    save_tree(result, draft)
    mine = Comparison.objects.filter(pk=comparison.pk, attempt=comparison.attempt, state=Comparison.State.RUNNING)
    with transaction.atomic():
        if mine.update(state=Comparison.State.DONE, stage="done", progress=1.0, finished_at=timezone.now()):
            # Inside the transaction: the row says done only if the folder is in its place.
            shutil.rmtree(comparison.folder, ignore_errors=True)
            draft.rename(comparison.folder)
            custody.append(actor=None, action="comparison-done", subject=comparison.pk, models=len(result.models))
    shutil.rmtree(draft, ignore_errors=True)
