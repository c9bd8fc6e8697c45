"""Runs a comparison and stores its result."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from forensics.lineage.records import Comparison as Result
from forensics.lineage.weighing import Given
from tasks import work
from tasks.app import app
from webapp import dispatch
from webapp.casework.models import Comparison
from webapp.catalogue.models import Access
from webapp.custody import services as custody
from webapp.probing import queries
from webapp.probing.models import Collection


@app.task(name=dispatch.COMPARE)
def run_comparison(comparison_id: str) -> None:
    """Compute a comparison that waits, or whose worker died; do nothing if another worker has it."""
    work.perform(_rows(), comparison_id, _compute, _finish)


def _rows() -> QuerySet[Comparison]:
    return Comparison.objects.select_related("suite")


def _compute(comparison: Comparison, show: work.Show) -> Result:
    return computed(comparison, show)


def computed(comparison: Comparison, show: work.Show, **more: Any) -> Result:
    """The comparison of what its collections hold. more: further options of the engine's `compare`."""
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
        folders=_folders(chosen),
        **more,
    )


def _folders(chosen: Iterable[Collection]) -> dict[str, Given]:
    """The weights folders of local models, each with the hash that its weights had when they answered."""
    local = [c for c in chosen if c.model.access == Access.WEIGHTS and not c.model.is_recorded]
    return {c.model.name: Given(Path(c.model.location), queries.answering_weights(c)) for c in local}


def _finish(comparison: Comparison, result: Result) -> None:
    from forensics.lineage.storage import save
    from forensics.lineage.tree_file import save_tree

    draft = comparison.folder.with_suffix(f".draft-{comparison.attempt}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.parent.mkdir(parents=True, exist_ok=True)
    save(result, draft)
    save_tree(result, draft)
    with transaction.atomic():
        if work.mine(_rows(), comparison).update(
            state=Comparison.State.DONE, stage="done", progress=1.0, finished_at=timezone.now()
        ):
            # Inside the transaction: the row says done only if the folder is in its place.
            shutil.rmtree(comparison.folder, ignore_errors=True)
            draft.rename(comparison.folder)
            team, models = comparison.team_id, len(result.models)
            custody.append(actor=None, action="comparison-done", subject=comparison.pk, team=team, models=models)
    shutil.rmtree(draft, ignore_errors=True)
