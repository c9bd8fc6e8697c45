"""The ledger's promises, on whichever database the settings name (tests/tasks/test_on_postgres.py runs them there)."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from forensics.adapters import Reply
from forensics.errors import AdapterError
from forensics.records import Completion, Outcome
from tasks import collecting, ledger, room
from tests.helpers.making import scripted_model, stored_suite
from webapp.probing import leases, queries, services
from webapp.probing.models import Attempt, Collection, ProbeCall

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """A running collection of six calls."""
    return services.start_collection(scripted_model(tmp_path), stored_suite())


def reply(claim: ledger.Claim, text: str = "yes", outcome: Outcome = Outcome.COMPLETED, **more: object) -> Reply:
    """A reply to a claim."""
    completion = Completion(claim.call.prompt.prompt_id, text, claim.call.sample, outcome)
    return Reply(claim.call, completion, b"asked", b"answered", **more)


def answers(*pairs: tuple[ledger.Claim, Reply]) -> list[ledger.Answered]:
    """Replies as they are received now."""
    return [ledger.Answered(claim, said, timezone.now()) for claim, said in pairs]


def expire(collection: Collection) -> None:
    """Let every lease run out."""
    past = timezone.now() - timedelta(seconds=1)
    collection.calls.filter(state="leased").update(lease_expires=past)


def test_a_call_is_claimed_by_one_worker_at_a_time(collection: Collection) -> None:
    first, second = ledger.claim(collection, "a", 4), ledger.claim(collection, "b", 4)
    assert (len(first), len(second)) == (4, 2)
    assert {c.call.prompt.prompt_id for c in first + second} == {f"p00{i}" for i in range(6)}
    assert ledger.claim(collection, "c", 4) == []


def test_each_sample_has_a_seed_of_its_own(tmp_path: Path) -> None:
    collection = services.start_collection(scripted_model(tmp_path), stored_suite(1, samples=3))
    assert sorted(c.call.config.seed for c in ledger.claim(collection, "a", 9)) == [0, 1, 2]


def test_calls_go_in_an_order_that_the_seed_draws_and_that_can_be_drawn_again(tmp_path: Path) -> None:
    def order(seed: int | None) -> list[str]:
        model = scripted_model(tmp_path, name=f"with {seed}")
        collection = services.start_collection(model, stored_suite(30), seed=seed)
        assert collection.seed == seed or seed is None
        return [c.call.prompt.prompt_id for c in ledger.claim(collection, "a", 99)]

    assert order(1) != order(2) != sorted(order(3))
    again = services.start_collection(scripted_model(tmp_path, name="again"), stored_suite(30), seed=1)
    first = Collection.objects.get(model__name="with 1").calls.order_by("place")
    assert list(first.values_list("probe_id", flat=True)) == list(
        again.calls.order_by("place").values_list("probe_id", flat=True)
    )


def test_a_zombies_late_write_is_refused_by_the_fence(collection: Collection) -> None:
    late = ledger.claim(collection, "zombie", 1)
    expire(collection)
    fresh = [c for c in ledger.claim(collection, "alive", 6) if c.row == late[0].row]
    assert fresh[0].fence == late[0].fence + 1
    assert ledger.record(collection, answers((late[0], reply(late[0], "late")))) == 0
    assert ledger.record(collection, answers((fresh[0], reply(fresh[0], "fresh")))) == 1
    assert ledger.record(collection, answers((late[0], reply(late[0], "later still")))) == 0
    assert list(collection.completions.values_list("text", "evidence__number")) == [("fresh", 2)]
    kinds = collection.calls.get(pk=late[0].row).attempts.values_list("number", "kind")
    assert list(kinds) == [(1, "late"), (1, "lost"), (2, "answered")]


def test_a_write_after_the_lease_was_swept_is_refused(collection: Collection) -> None:
    late = ledger.claim(collection, "zombie", 2)
    expire(collection)
    assert leases.sweep() == 2
    assert ledger.record(collection, answers(*((c, reply(c)) for c in late))) == 0
    assert ledger.release(late) == 0
    assert not collection.completions.exists()


def test_recording_a_reply_twice_counts_it_once(collection: Collection) -> None:
    answered = answers(*((c, reply(c)) for c in ledger.claim(collection, "a", 6)))
    assert [ledger.record(collection, answered), ledger.record(collection, answered)] == [6, 0]
    assert collection.completions.count() == 6
    kept = collection.completions.first()
    assert kept is not None
    assert (kept.evidence.request, kept.evidence.raw) == (b"asked", b"answered")
    assert Attempt.objects.count() == 6


def test_throttled_calls_wait_as_long_as_the_server_asks(collection: Collection) -> None:
    claim = ledger.claim(collection, "a", 1)[0]
    before = timezone.now()
    ledger.record(collection, answers((claim, reply(claim, "", Outcome.THROTTLED, retry_after=60.0))))
    row = ProbeCall.objects.get(pk=claim.row)
    assert row.state == "waiting"
    assert row.not_before is not None
    assert 60 <= (row.not_before - before).total_seconds() < 65
    assert claim.row not in [c.row for c in ledger.claim(collection, "a", 6)]


def test_a_failure_that_lasts_is_stored_as_what_it_is(collection: Collection) -> None:
    for _ in range(5):
        claim = ledger.claim(collection, "a", 1)[0]
        assert ledger.record(collection, answers((claim, reply(claim, "", Outcome.TIMED_OUT, error="slow")))) == 1
        ProbeCall.objects.filter(pk=claim.row).update(not_before=None)
    assert queries.counted(collection).outcomes == {"timed-out": 1}
    assert queries.response_set(collection).by_prompt == {}


def test_a_ticket_works_once(collection: Collection) -> None:
    assert ledger.take_ticket(str(collection.pk), collection.ticket) is not None
    assert ledger.take_ticket(str(collection.pk), collection.ticket) is None
    assert ledger.renew(collection, collection.ticket, "a")
    assert ledger.take_ticket(str(collection.pk), collection.ticket + 1) is not None
    assert not ledger.renew(collection, collection.ticket, "a")


def test_a_paused_collection_gives_no_ticket_and_a_cancelled_one_no_calls(collection: Collection) -> None:
    leased = ledger.claim(collection, "a", 2)
    assert services.pause(collection)
    assert ledger.take_ticket(str(collection.pk), collection.ticket) is None
    assert services.cancel(collection)
    assert not services.resume(collection)
    assert ledger.record(collection, answers(*((c, reply(c)) for c in leased))) == 2
    assert ledger.claim(collection, "b", 9) == []
    assert ledger.seconds_until_due(collection) is None


def test_finishing_stores_counts_and_the_hash_of_what_came_back(collection: Collection) -> None:
    ledger.record(collection, answers(*((c, reply(c)) for c in ledger.claim(collection, "a", 9))))
    assert ledger.finish(collection)
    assert not ledger.finish(collection)
    collection.refresh_from_db()
    assert (collection.state, collection.counts) == ("done", {"completed": 6})
    assert collection.content_hash == queries.response_set(collection).content_hash


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_share_the_calls_without_overlap(tmp_path: Path) -> None:
    collection = services.start_collection(scripted_model(tmp_path), stored_suite(120))
    taken: list[int] = []
    problems: list[BaseException] = []

    def work(owner: str) -> None:
        try:
            while claims := ledger.claim(collection, owner, 7):
                ledger.record(collection, answers(*((c, reply(c, owner)) for c in claims)))
                taken.extend(c.row for c in claims)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(taken) == len(set(taken)) == collection.completions.count() == 120


@pytest.mark.parametrize(("replaced", "state"), [(True, "running"), (False, "failed")])
def test_only_the_slice_in_charge_fails_a_collection(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, replaced: bool, state: str
) -> None:
    def dies(present: Collection, *_: object) -> None:
        if replaced:
            assert ledger.take_ticket(str(present.pk), present.ticket)
        raise AdapterError("the endpoint is gone")

    monkeypatch.setattr(collecting, "_work", dies)
    collection.refresh_from_db()
    collecting.collect_slice(str(collection.pk), collection.ticket)
    collection.refresh_from_db()
    assert collection.state == state


@pytest.mark.parametrize(
    ("problem", "state", "words"),
    [
        (OperationalError("the database system is shutting down"), "running", ""),
        (InterfaceError("connection already closed"), "running", ""),
        (room.NoRoom("no space left on device"), "paused", "Make room, then resume"),
        (IntegrityError("a row that cannot be"), "failed", "IntegrityError"),
    ],
)
def test_a_database_that_is_away_fails_no_collection_and_a_full_disk_pauses_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, problem: Exception, state: str, words: str
) -> None:
    def dies(*_: object) -> None:
        raise problem

    monkeypatch.setattr(collecting, "_work", dies)
    collecting.collect_slice(str(collection.pk), collection.ticket)
    collection.refresh_from_db()
    assert (collection.state, words in collection.error) == (state, True)


def test_a_reserve_is_kept_beside_the_database_and_given_up_once() -> None:
    room.keep()
    room.keep()
    assert [room.free(), room.free()] == ([True, False] if connection.vendor == "sqlite" else [False, False])
