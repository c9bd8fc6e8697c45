"""The only door to Celery: tasks by name, sent once the transaction around them has committed.

The broker is a hint. A message that is lost, or that finds no broker, is made up for by the reconciler, so sending
never fails a page.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from celery import Celery
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

COLLECT = "tasks.collecting.collect_slice"
COMPARE = "tasks.comparing.run_comparison"
EXPLAIN = "tasks.explaining.run_explanation"
EXPORT = "tasks.exporting.run_export"
REPORT = "tasks.reporting.make_report"
RECONCILE = "tasks.reconciling.reconcile"
QUEUES = ("gpu", "api", "cpu")
# Redis serves 0 first: a collection under way goes on with its warm model before the next one begins.
GO_ON, BEGIN = 0, 6
# Shared with the workers' app: publishers and consumers must agree on the visibility timeout.
TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 2,
    "socket_timeout": 30,
}
# A page does not wait for a broker that is away: one attempt, and the reconciler makes up for it.
ONCE = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}


@cache
def _publisher() -> Celery:
    app = Celery("filiation-web", broker=settings.BROKER_URL, set_as_current=False)
    app.conf.update(task_serializer="json", task_ignore_result=True, broker_transport_options=TRANSPORT_OPTIONS | ONCE)
    return app


def _send(name: str, args: list[Any], **options: Any) -> None:
    try:
        _publisher().send_task(name, args=args, retry=False, **options)
    except (OperationalError, OSError) as problem:
        log.warning("%s %s not sent, the reconciler will: %s", name, args, problem)


def send(name: str, *args: Any, queue: str, countdown: float = 0, priority: int = BEGIN) -> None:
    """Send a task when the present transaction commits, or at once outside one. Arguments are ids and numbers."""
    options = {"queue": queue, "countdown": countdown or None, "priority": priority}
    transaction.on_commit(lambda: _send(name, list(args), **options))
