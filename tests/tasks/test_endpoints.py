"""Collections from a real HTTP server by real workers: evidence, pace, trouble, budgets, a change of model."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from forensics.provenance import sha256
from tasks.reconciling import reconcile
from tests.helpers.answering import answering, completion, words_of
from tests.helpers.making import endpoint_model, stored_suite
from tests.helpers.serving import Served, serving
from tests.helpers.workers import Worker
from webapp.probing import queries, services, verifying
from webapp.probing.models import Attempt, Collection, Endpoint
from webapp.probing.services import Plan

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]


def ended(collection: Collection) -> bool:
    collection.refresh_from_db()
    return collection.state != "running"


def collected(served: Served, tmp_path: Path, monkeypatch: Any, calls: int, **options: Any) -> Collection:
    """A collection that a worker has brought to its end."""
    monkeypatch.setenv("FILIATION_PRIVATE_HOSTS", served.host)
    collection = services.start_collection(endpoint_model(served.url), stored_suite(calls), **options)
    with Worker(tmp_path / "log", queues="api") as worker:
        worker.until(lambda: (reconcile(), ended(collection))[1], 60)
    return collection


def test_every_send_is_kept_with_its_bytes_and_the_completion_names_the_one_that_it_reads(
    tmp_path: Path, monkeypatch: Any
) -> None:
    def decide(question: str, times: int) -> Any:
        if question == "Question 1?" and times == 1:
            return web.Response(status=429, headers={"Retry-After": "1"}, text="slow down")
        if question == "Question 2?" and times < 3:
            return web.Response(status=500, text="oops")
        return web.Response(text="<html>") if question == "Question 3?" else None

    with serving(answering(decide)) as served:
        collection = collected(served, tmp_path, monkeypatch, 5)
    assert (collection.state, collection.counts) == ("done", {"completed": 4, "malformed": 1})
    kept = {
        f"{a.call.probe.prompt_id} {a.number}": (a.outcome, a.status, a.raw)
        for a in queries.attempts(collection).select_related("call__probe")
    }
    assert kept["p001 1"] == ("throttled", 429, b"slow down")
    assert [kept[f"p002 {n}"][0] for n in (1, 2, 3)] == ["failed", "failed", "completed"]
    assert kept["p003 1"] == ("malformed", 200, b"<html>")
    assert len(kept) == len(served.seen) == 8
    bodies = {sha256(body) for _, _, _, body in served.seen}
    assert set(queries.attempts(collection).values_list("request_sha256", flat=True)) == bodies
    read = collection.completions.get(probe__prompt_id="p002").evidence
    assert (read.number, read.returned_model, read.prompt_tokens) == (3, "served", 10)
    assert set(queries.attempts(collection).values_list("url", flat=True)) == {f"{served.url}/chat/completions"}
    assert 0.01 <= read.elapsed == pytest.approx((read.received_at - read.started_at).total_seconds(), abs=1e-3)
    assert (collection.spent_calls, collection.spent_in) == (
        8,
        40 + queries.attempts(collection).get(outcome="malformed").call.worst_in,
    )
    assert list(verifying.problems()) == []


def test_a_wrong_key_pauses_after_the_calls_under_way_and_what_was_answered_is_kept(
    tmp_path: Path, monkeypatch: Any
) -> None:
    refuse = {"now": True}

    def decide(question: str, _: int) -> Any:
        return (
            web.json_response({"error": {"message": "no such key"}}, status=401)
            if refuse["now"] and question == "Question 7?"
            else None
        )

    with serving(answering(decide, 0.05)) as served:
        Endpoint.objects.create(origin=f"http://{served.host}", concurrency=4)
        collection = collected(served, tmp_path, monkeypatch, 60)
        assert collection.state == "paused"
        assert "no such key" in collection.error and "then resume" in collection.error
        tally, sends = queries.tally(collection), len(served.seen)
        assert tally.is_whole and tally.done == sends - 1 < 60
        assert collection.calls.get(probe__prompt_id="p007").attempts.get().status == 401
        refuse["now"] = False
        assert services.resume(collection)
        with Worker(tmp_path / "log", queues="api") as worker:
            worker.until(lambda: ended(collection))
        assert (collection.state, len(served.seen)) == ("done", 61)


def test_the_number_of_calls_at_once_is_kept_and_a_wait_is_waited_out(tmp_path: Path, monkeypatch: Any) -> None:
    under_way, most, told, after = 0, 0, 0.0, []

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most, told
        await request.read()
        under_way += 1
        most = max(most, under_way)
        if told:
            after.append(time.monotonic() - told)
        await asyncio.sleep(0.02)
        under_way -= 1
        if len(served.seen) == 20:
            told = time.monotonic()
            return web.Response(status=429, headers={"Retry-After": "2"})
        return completion("yes")

    with serving(handle) as served:
        Endpoint.objects.create(origin=f"http://{served.host}", concurrency=3)
        collection = collected(served, tmp_path, monkeypatch, 60)
    assert collection.counts == {"completed": 60}
    assert most == 3
    # Those under way when the server spoke may still arrive; after them nobody comes early.
    assert len([a for a in after if a < 0.02]) <= 3
    assert not [a for a in after if 0.1 < a < 1.95]


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (Plan(budget_calls=10), "calls"),
        (Plan(budget_tokens=600), "tokens"),
        (Plan(budget_money=Decimal("0.006"), price_in=Decimal(10), price_out=Decimal(10)), "money"),
    ],
)
def test_a_budget_is_never_passed_and_a_larger_one_goes_on(
    tmp_path: Path, monkeypatch: Any, plan: Plan, word: str
) -> None:
    with serving(answering(lambda *_: None)) as served:
        collection = collected(served, tmp_path, monkeypatch, 60, plan=plan)
        assert collection.state == "paused"
        assert f"the budget of {word}" in collection.error
        used = {"calls": collection.spent_calls, "tokens": collection.spent_in + collection.spent_out}
        sends = len(served.seen)
        assert used == {"calls": sends, "tokens": 15 * sends}
        assert sends == 10 if word == "calls" else 20 <= sends <= 40
        tally = queries.tally(collection)
        assert (tally.is_whole, tally.unsent) == (True, 60 - sends)
        assert services.resume(collection, plan=Plan())
        with Worker(tmp_path / "log", queues="api") as worker:
            worker.until(lambda: ended(collection))
        assert collection.counts == {"completed": 60}
        assert len(served.seen) == 60


def test_a_change_of_model_in_mid_run_is_flagged_and_split(tmp_path: Path, monkeypatch: Any) -> None:
    def decide(question: str, _: int) -> Any:
        late = len(served.seen) > 20
        return completion(question, model="other" if late else "served", system_fingerprint="f2" if late else "f1")

    with serving(answering(decide)) as served:
        Endpoint.objects.create(origin=f"http://{served.host}", concurrency=2)
        collection = collected(served, tmp_path, monkeypatch, 40)
    assert collection.identities == [["served", "f1"], ["other", "f2"]]
    first, second = queries.segments(collection)
    assert first.count + second.count == 40
    services.choose_segment(collection, 1)
    assert len(queries.response_set(collection).completions) == second.count
    assert collection.compared_hash == queries.response_set(collection).content_hash != collection.content_hash


def test_kill_9_repeats_no_more_calls_than_were_under_way_and_puts_the_lost_on_record(
    tmp_path: Path, monkeypatch: Any
) -> None:
    with serving(answering(lambda *_: None, 0.05)) as served:
        monkeypatch.setenv("FILIATION_PRIVATE_HOSTS", served.host)
        Endpoint.objects.create(origin=f"http://{served.host}", concurrency=8)
        collection = services.start_collection(endpoint_model(served.url), stored_suite(200))
        for kill in (60, 130):
            with Worker(tmp_path / f"log{kill}", queues="api") as worker:
                worker.until(lambda: (reconcile(), len(served.seen) >= kill)[1])  # noqa: B023
                worker.kill()
        with Worker(tmp_path / "log", queues="api") as worker:
            worker.until(lambda: (reconcile(), ended(collection))[1], 60)
        sends = Counter(words_of(body) for _, _, _, body in served.seen)
    assert collection.counts == {"completed": 200}
    assert len(sends) == 200
    assert len(served.seen) - 200 <= 2 * 8
    lost = Attempt.objects.filter(kind="lost")
    repeated = {question for question, times in sends.items() if times > 1}
    assert repeated <= {f"Question {int(p[1:])}?" for p in lost.values_list("call__probe__prompt_id", flat=True)}
    assert list(verifying.problems()) == []
