"""Makes up for lost messages and dead workers: sends again what the database says is unfinished."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from tasks import work
from tasks.app import app
from tasks.takeover import take_over
from webapp import dispatch
from webapp.casework import services as casework
from webapp.casework.cases import runs
from webapp.casework.models import Comparison, Report
from webapp.casework.reporting import services as reporting
from webapp.explaining import services as explaining
from webapp.explaining.models import Explanation
from webapp.exporting import services as exporting
from webapp.exporting.models import Bundle
from webapp.probing import services as probing
from webapp.probing.models import Collection

log = logging.getLogger(__name__)

COMPUTED: tuple[tuple[Any, Any], ...] = (
    (Comparison, casework), (Explanation, explaining), (Bundle, exporting), (Report, reporting),
)  # fmt: skip
"""What a worker computes for a row, and the services that send it."""


@app.task(name=dispatch.RECONCILE)
def reconcile() -> None:
    """Send work again that nobody has been seen working on for a lease's time, collections and what is computed, and
    at once for collections whose worker is known to have died on this machine.

    What waited for others to end is begun: a case's comparison once all of its collections have.
    """
    for collection in take_over():
        if collection.state == Collection.State.RUNNING:
            probing.send_work(collection, priority=dispatch.GO_ON)
    for collection in silent_collections():
        log.info("collection %s has been silent: sent again", collection.pk)
        probing.send_work(collection, priority=dispatch.GO_ON)
    for comparison in runs.start_due():
        log.info("every collection of case %s is done: comparison %s", comparison.case, comparison.pk)
    for model, app_services in COMPUTED:
        for row in work.silent(model.objects.all()):
            log.info("%s %s has been silent: sent again", model.__name__.lower(), row.pk)
            app_services.send_work(row)


def silent_collections() -> list[Collection]:
    """Running collections whose last sign of life is older than a lease."""
    silent_since = timezone.now() - timedelta(seconds=settings.LEASE_SECONDS)
    running = Collection.objects.filter(state=Collection.State.RUNNING, sent_at__lte=silent_since)
    return list(running.select_related("model"))
