"""The Celery app. The database is the ledger: a message is only a hint that there is work.

Run as ``celery -A tasks.app worker -Q gpu --pool=solo`` (one per GPU), ``-Q api,cpu`` and ``celery -A tasks.app beat``.
"""

from __future__ import annotations

import os

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
django.setup()

from django.conf import settings  # noqa: E402 - settings exist only after setup

from webapp import dispatch  # noqa: E402

RECONCILE_SECONDS = 10.0

app = Celery(
    "filiation",
    broker=settings.BROKER_URL,
    include=[
        "tasks.collecting",
        "tasks.comparing",
        "tasks.explaining",
        "tasks.exporting",
        "tasks.reconciling",
        "tasks.reporting",
    ],
)
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="cpu",
    task_routes={
        dispatch.COMPARE: {"queue": "cpu"},
        dispatch.EXPLAIN: {"queue": "cpu"},
        dispatch.REPORT: {"queue": "cpu"},
        dispatch.RECONCILE: {"queue": "api"},
    },
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=dispatch.TRANSPORT_OPTIONS,
    timezone="UTC",
    beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler",
    beat_max_loop_interval=5,
    beat_schedule={
        "reconcile": {
            "task": dispatch.RECONCILE,
            "schedule": RECONCILE_SECONDS,
            # On the queue whose tasks are short. One that waited is worth nothing: the next is due already.
            "options": {"queue": "api", "expires": RECONCILE_SECONDS, "priority": dispatch.GO_ON},
        }
    },
)
