"""Three workers in processes of their own on one PostgreSQL: one is taken away, nothing is lost or counted twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from django.db import connection

from tasks.reconciling import reconcile
from tests.helpers.making import endpoint_model, stored_suite
from tests.helpers.serving import serving
from tests.helpers.workers import Worker
from webapp.probing import queries, services, verifying
from webapp.probing.models import Attempt, Endpoint

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("valkey"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="run by test_on_postgres.py"),
]
CALLS, AT_ONCE, COLLECTIONS = 150, 6, 3


async def handle(request: web.Request) -> web.StreamResponse:
    asked = json.loads(await request.read())
    await asyncio.sleep(0.1)
    said = {"role": "assistant", "content": f"{asked['model']}: {asked['messages'][0]['content']}"}
    usage = {"prompt_tokens": 5, "completion_tokens": 5}
    return web.json_response({"choices": [{"message": said, "finish_reason": "stop"}], "usage": usage})


def test_one_of_three_workers_is_taken_away_and_nothing_is_lost_or_counted_twice(
    tmp_path: Path, monkeypatch: Any
) -> None:
    suite = stored_suite(CALLS)
    with serving(handle) as served:
        monkeypatch.setenv("FILIATION_PRIVATE_HOSTS", served.host)
        Endpoint.objects.create(origin=f"http://{served.host}", concurrency=AT_ONCE)
        models = [endpoint_model(served.url, f"m{i}") for i in range(COLLECTIONS)]
        for model in models:
            model.remote_name = model.name
            model.save()
        collections = [services.start_collection(model, suite) for model in models]
        workers = [Worker(tmp_path / f"log{i}", queues="api") for i in range(3)]
        with workers[0], workers[1], workers[2]:

            def sending() -> bool:
                reconcile()
                owners = {pid for name in _owners() for pid in [name.split("/")[1]]}
                return {str(w.process.pid) for w in workers if w.process} <= owners and len(served.seen) > 60

            workers[0].until(sending, 60)
            workers[0].kill()
            workers[1].until(lambda: (reconcile(), all(_ended(c) for c in collections))[1], 90)
        sends = Counter((json.loads(b)["model"], json.loads(b)["messages"][0]["content"]) for *_, b in served.seen)
    for collection in collections:
        tally = queries.tally(collection)
        assert (tally.is_complete, tally.done) == (True, CALLS)
        texts = [c.text for c in queries.response_set(collection).completions]
        assert texts == [f"{collection.model.name}: Question {i}?" for i in range(CALLS)]
    assert len(sends) == COLLECTIONS * CALLS
    assert sum(sends.values()) - len(sends) <= AT_ONCE
    assert Attempt.objects.filter(kind="answered").count() == COLLECTIONS * CALLS
    assert list(verifying.problems()) == []


def _owners() -> set[str]:
    """Workers that have answered, by host and process."""
    return set(Attempt.objects.values_list("worker", flat=True).distinct())


def _ended(collection: Any) -> bool:
    collection.refresh_from_db()
    return collection.state == "done"
