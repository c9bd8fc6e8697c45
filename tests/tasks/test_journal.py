"""The journal of a sender: what it holds outlives the worker, counts once, and is no way around the fence."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from forensics.records import Completion, NextToken, Outcome
from tasks import journal, ledger, reconciling
from tasks.journal import Journal
from tasks.room import NoRoom
from tasks.takeover import take_over
from tests.helpers.making import scripted_model, stored_suite
from tests.tasks.test_ledger import expire, reply
from webapp.probing import queries, services, verifying
from webapp.probing.models import Attempt, Collection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    """A home of its own: no other test's journals lie there."""
    settings.FILIATION_HOME = tmp_path
    return tmp_path


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """A running collection of six calls."""
    return services.start_collection(scripted_model(tmp_path), stored_suite())


def sent(claim: ledger.Claim, text: str = "yes", outcome: Outcome = Outcome.COMPLETED) -> ledger.Answered:
    return ledger.Answered(claim, reply(claim, text, outcome), timezone.now())


def abandoned(kept: Journal) -> None:
    """Let go of the file as the death of its process would."""
    os.close(kept._file)


def test_replies_count_calls_under_way_are_lost_and_the_rest_goes_back_unsent(collection: Collection) -> None:
    claims = ledger.claim(collection, "dead", 6)
    kept = Journal(collection.pk, "dead")
    for claim in (*claims[:2], claims[3]):
        assert kept.going(claim)
    assert kept.keep(sent(claims[0], "first"))
    assert kept.keep(sent(claims[1], "", Outcome.EMPTY))
    abandoned(kept)
    assert [c.pk for c in take_over(collection.pk)] == [collection.pk]
    read = {c.evidence.call_id: (c.text, c.outcome) for c in collection.completions.select_related("evidence")}
    assert read == {claims[0].row: ("first", "completed"), claims[1].row: ("", "empty")}
    calls = {c.pk: (c.state, c.attempt) for c in collection.calls.all()}
    assert [calls[c.row] for c in claims] == [("done", 1)] * 2 + [("waiting", 0), ("waiting", 1), *[("waiting", 0)] * 2]
    lost = Attempt.objects.get(kind="lost")
    assert (lost.call_id, lost.worker) == (claims[3].row, "dead")
    collection.refresh_from_db()
    assert collection.spent_calls == 3
    assert queries.counted(collection).is_whole
    assert list(verifying.problems()) == []
    assert journal.files() == []


def test_a_reply_comes_back_as_it_was_down_to_the_last_byte(collection: Collection) -> None:
    claim = ledger.claim(collection, "dead", 1)[0]
    completion = Completion(
        claim.call.prompt.prompt_id, "a\ud83d\ude00\x00 é", 0, Outcome.TRUNCATED, "length",
        (NextToken(3, (("a", -0.25), ("b", -1.5))),), 7, 9,
    )  # fmt: skip
    said = ledger.Reply(
        claim.call, completion, b'{"a":1}', b"\xff\x00\n{" * 50, {"date": "today"}, 200, 0.1234567, "served-1", "fp",
        "é", 2.5, True, "http://127.0.0.1:9/v1", "Host A",
    )  # fmt: skip
    received = timezone.now()
    kept = Journal(collection.pk, "dead")
    kept.keep(ledger.Answered(claim, said, received))
    abandoned(kept)
    with journal.left_behind(journal.files()[0]) as left:
        assert left is not None
        (read,) = left.answered
    assert read.received == received
    assert read.claim == claim
    assert read.reply.completion.text.encode("utf-8", "surrogatepass").startswith("a😀".encode())
    for name in ("request", "raw", "headers", *journal.PLAIN):
        assert getattr(read.reply, name) == getattr(said, name), name
    assert read.reply.completion.next_tokens == completion.next_tokens
    assert read.reply.completion.outcome is Outcome.TRUNCATED


def test_taking_in_twice_changes_nothing_and_a_replaced_worker_writes_no_more_than_a_late_attempt(
    collection: Collection,
) -> None:
    claims = ledger.claim(collection, "dead", 2)
    kept = Journal(collection.pk, "dead")
    for claim in claims:
        kept.going(claim)
        kept.keep(sent(claim, "late"))
    abandoned(kept)
    expire(collection)
    fresh = ledger.claim(collection, "alive", 6)
    again = [claim for claim in fresh if claim.row == claims[0].row]
    ledger.record(collection, [sent(again[0], "fresh")])
    path = journal.files()[0]
    held = path.read_bytes()
    take_over()
    path.write_bytes(held)  # as if the worker that took it in had died before it could remove the file
    take_over()
    assert [c.text for c in collection.completions.all()] == ["fresh"]
    assert Attempt.objects.filter(kind="late").count() == 2
    assert collection.calls.filter(state="leased", lease_owner="alive").count() == 5
    assert list(verifying.problems()) == []


@pytest.mark.parametrize("cut", [1, 9, 200])
def test_an_entry_that_was_being_written_is_left_out_and_those_before_it_count(
    collection: Collection, cut: int
) -> None:
    claims = ledger.claim(collection, "dead", 2)
    kept = Journal(collection.pk, "dead")
    for claim in claims:
        kept.going(claim)
        kept.keep(sent(claim))
    abandoned(kept)
    path = journal.files()[0]
    path.write_bytes(path.read_bytes()[:-cut])
    take_over()
    assert collection.completions.count() == 1
    assert collection.calls.get(pk=claims[1].row).state == "waiting"
    assert Attempt.objects.filter(kind="lost").count() == 1


def test_a_journal_begins_again_once_the_ledger_has_all_of_it_and_still_knows_what_is_under_way(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LARGEST", 500)
    claims = ledger.claim(collection, "dead", 6)
    kept = Journal(collection.pk, "dead")
    for claim in claims[:5]:
        kept.going(claim)
    for claim in claims[:3]:
        kept.keep(sent(claim))
        ledger.record(collection, [sent(claim)])
        kept.settled(1)
    before = kept._size
    kept.keep(sent(claims[3]))
    assert kept._size < before
    abandoned(kept)
    take_over()
    assert collection.completions.count() == 4
    assert list(Attempt.objects.filter(kind="lost").values_list("call_id", flat=True)) == [claims[4].row]


def test_a_reply_that_waits_for_the_ledger_outlives_a_new_beginning(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "LARGEST", 3000)
    claims = ledger.claim(collection, "dead", 6)
    kept, begun = Journal(collection.pk, "dead"), 0
    for number, claim in enumerate(claims):
        kept.going(claim)
        before = kept._size
        kept.keep(ledger.Answered(claim, reply(claim, f"{number} " + "long " * 250), timezone.now()))
        begun += kept._size < before
        if number in (0, 1, 3):
            ledger.record(collection, [sent(claims[(0, 1, 0, 2)[number]], "in the ledger")])
            kept.settled(1)
    assert begun
    abandoned(kept)
    take_over()
    texts = {c.probe.prompt_id: c.text for c in collection.completions.select_related("probe")}
    waited = [claims[n].call.prompt.prompt_id for n in (3, 4, 5)]
    assert [texts[prompt][0] for prompt in waited] == ["3", "4", "5"]
    assert len(texts) == 6


def test_two_sends_of_one_call_in_one_journal_are_two_attempts_and_one_completion(collection: Collection) -> None:
    kept = Journal(collection.pk, "dead")
    for text, outcome in (("", Outcome.FAILED), ("second", Outcome.COMPLETED)):
        collection.calls.update(not_before=None)
        claim = ledger.claim(collection, "dead", 1)[0]
        answered = sent(claim, text, outcome)
        kept.going(claim)
        kept.keep(answered)
        if outcome is Outcome.FAILED:
            ledger.record(collection, [answered])
    abandoned(kept)
    take_over()
    assert [c.text for c in collection.completions.all()] == ["second"]
    assert list(Attempt.objects.values_list("number", "kind")) == [(1, "answered"), (2, "answered")]
    assert list(verifying.problems()) == []


def test_a_journal_that_cannot_be_taken_in_is_put_aside_and_holds_nothing_up(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = Journal("0" * 36, "dead"), Journal(collection.pk, "dead")
    claim = ledger.claim(collection, "dead", 1)[0]
    good.going(claim)
    good.keep(sent(claim))
    abandoned(bad)
    abandoned(good)
    monkeypatch.setattr(services, "send_work", lambda *_, **__: None)
    reconciling.reconcile()
    assert collection.completions.count() == 1
    assert [path.suffix for path in journal.folder().iterdir()] == [".bad"]


def test_a_full_disk_is_told_and_breaks_nothing(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = ledger.claim(collection, "dead", 1)[0]
    kept = Journal(collection.pk, "dead")
    real = os.pwrite

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    assert not kept.going(claim)
    assert not kept.keep(sent(claim))
    with pytest.raises(NoRoom):
        Journal(collection.pk, "other")
    monkeypatch.setattr(os, "pwrite", real)
    kept.close()
    assert list(journal.folder().iterdir()) == []


def test_what_a_living_worker_writes_is_not_touched_and_the_reconciler_takes_a_dead_ones(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent_again: list[object] = []
    monkeypatch.setattr(services, "send_work", lambda collection, **_: sent_again.append(collection.pk))
    claims = ledger.claim(collection, "dead", 1)
    kept = Journal(collection.pk, "dead")
    kept.going(claims[0])
    kept.keep(sent(claims[0]))
    path = journal.files()[0]
    holder = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, 2); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holder, str(path)], stdout=subprocess.PIPE) as living:
        abandoned(kept)
        assert living.stdout is not None
        living.stdout.readline()
        reconciling.reconcile()
        assert (collection.completions.count(), sent_again) == (0, [])
        living.send_signal(signal.SIGKILL)
        living.wait()
    until = time.monotonic() + 5
    while not sent_again and time.monotonic() < until:
        reconciling.reconcile()
    assert (collection.completions.count(), sent_again) == (1, [collection.pk])


def test_a_journal_whose_collection_is_gone_goes_too(collection: Collection) -> None:
    abandoned(Journal("00000000-0000-4000-8000-000000000000", "dead"))
    assert take_over() == []
    assert journal.files() == []
