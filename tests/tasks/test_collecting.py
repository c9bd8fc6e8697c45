"""Collections by real Celery workers on a real Valkey."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tasks.reconciling import reconcile
from tests.helpers.making import scripted_model, sends, stored_suite
from tests.helpers.workers import Worker
from webapp.probing import queries, services
from webapp.probing.models import Collection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]


def state(collection: Collection) -> str:
    """The stored state."""
    collection.refresh_from_db()
    return collection.state


def test_a_worker_collects_a_suite_and_stores_what_came_back(tmp_path: Path) -> None:
    steps = [{"outcome": "throttled", "status": 429, "retry_after": 0.1}, {"text": "after the wait"}]
    replies = {"p001": steps, "p002": [{"outcome": "empty"}], "p003": "{prompt} again"}
    model = scripted_model(tmp_path, replies=replies, default="plain")
    with Worker(tmp_path / "log") as worker:
        collection = services.start_collection(model, stored_suite(5))
        worker.until(lambda: state(collection) == "done")
    assert collection.counts == {"completed": 4, "empty": 1}
    texts = [c.text for c in queries.response_set(collection).completions]
    assert texts == ["plain", "after the wait", "", "Question 3? again", "plain"]
    assert Counter(sends(tmp_path))["p001 0"] == 2
    assert collection.completions.get(probe__prompt_id="p001").evidence.number == 2


def test_kill_9_in_mid_collection_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    model = scripted_model(tmp_path, delay=0.01, default="{prompt} {seed}")
    collection = services.start_collection(model, stored_suite(120, samples=3))
    for kill in range(1, 4):
        with Worker(tmp_path / f"log{kill}") as worker:
            # The reconciler's beat is played here: it finds the silent collection once the dead worker's lease is over.
            worker.until(lambda so_many=90 * kill: (reconcile(), len(sends(tmp_path)) > so_many)[1])
            worker.kill()
    with Worker(tmp_path / "log") as worker:
        worker.until(lambda: (reconcile(), state(collection) == "done")[1], 60)
    assert collection.counts == {"completed": 360}
    assert collection.completions.count() == 360
    texts = {(c.prompt_id, c.sample): c.text for c in queries.response_set(collection).completions}
    assert all(text == f"Question {int(p[1:])}? {sample}" for (p, sample), text in texts.items())
    # What was sent again is at most what was leased when a worker died: at most a claim of 256 for each kill.
    assert 360 <= len(sends(tmp_path)) <= 360 + 3 * 256


def test_a_target_that_turns_calls_away_fails_the_collection_until_it_is_mended(tmp_path: Path) -> None:
    refused = {"outcome": "failed", "status": 401, "error": "wrong key"}
    model = scripted_model(tmp_path, replies={"p000": [refused]}, default="plain")
    with Worker(tmp_path / "log") as worker:
        collection = services.start_collection(model, stored_suite(3))
        worker.until(lambda: state(collection) == "paused")
        assert "wrong key" in collection.error
        # What was answered beside the refusal is kept, the refused call is not counted.
        assert set(collection.completions.values_list("probe__prompt_id", flat=True)) == {"p001", "p002"}
        scripted = Path(model.location)
        scripted.write_text('{"default": "mended"}')
        assert services.resume(collection)
        worker.until(lambda: state(collection) == "done")
    assert collection.counts == {"completed": 3}


def test_pausing_stops_sending_and_resuming_finishes(tmp_path: Path) -> None:
    model = scripted_model(tmp_path, delay=0.01)
    collection = services.start_collection(model, stored_suite(200))
    with Worker(tmp_path / "log") as worker:
        worker.until(lambda: sends(tmp_path))
        assert services.pause(collection)
        worker.until(lambda: not collection.calls.filter(state="leased").exists())
        stopped = collection.completions.count()
        assert stopped < 200
        assert services.resume(collection)
        worker.until(lambda: state(collection) == "done")
    assert collection.completions.count() == 200
    assert len(sends(tmp_path)) == 200


def test_a_worker_told_to_stop_gives_its_calls_back_and_the_next_goes_straight_on(tmp_path: Path) -> None:
    collection = services.start_collection(scripted_model(tmp_path, delay=0.02), stored_suite(150))
    with Worker(tmp_path / "log") as worker:
        worker.until(lambda: sends(tmp_path))
        assert worker.process is not None
        worker.process.terminate()
        worker.process.wait(5)
    assert not collection.calls.filter(state="leased").exists()
    assert 0 < collection.completions.count() < 150
    with Worker(tmp_path / "log") as worker:
        worker.until(lambda: state(collection) == "done")
    assert collection.counts == {"completed": 150}
    # The one reply in hand when the signal came may be asked for again.
    assert len(sends(tmp_path)) <= 151
