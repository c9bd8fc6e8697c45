"""Makes the evidence bundle of a case."""

from __future__ import annotations

from django.db.models import QuerySet

from tasks import work
from tasks.app import app
from webapp import dispatch
from webapp.exporting.making import Made, keep, make
from webapp.exporting.models import Bundle


@app.task(name=dispatch.EXPORT)
def run_export(bundle_id: str) -> None:
    """Make a bundle that waits, or whose worker died; do nothing if another worker has it."""
    work.perform(_rows(), bundle_id, make, _finish)


def _rows() -> QuerySet[Bundle]:
    return Bundle.objects.select_related("case", "comparison__suite")


def _finish(bundle: Bundle, made: Made) -> None:
    keep(work.mine(_rows(), bundle), bundle, made)
