"""Attempts are evidence: nobody can change one, what is missing is found, and counts always add up."""

from __future__ import annotations

import dataclasses
import io
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from forensics.adapters import Reply
from forensics.errors import BadInput
from forensics.provenance import canonical_json
from forensics.records import Completion as Said
from forensics.records import NextToken, Outcome
from tasks import ledger
from tasks.evidence import attempt_row, completion_row
from tests.helpers.making import scripted_model, stored_suite
from webapp.casework import services as casework
from webapp.probing import evidence, queries, rows, services, verifying
from webapp.probing.migrations._fixed import ATTEMPTS
from webapp.probing.models import Attempt, Collection, Completion
from webapp.probing.services import Plan

pytestmark = pytest.mark.django_db


def answer(claim: ledger.Claim, outcome: Outcome = Outcome.COMPLETED, **more: Any) -> ledger.Answered:
    said = Said(claim.call.prompt.prompt_id, "yes" if outcome.has_text else "", claim.call.sample, outcome)
    return ledger.Answered(claim, Reply(claim.call, said, b"asked", b"said", **more), timezone.now())


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """A collection of six calls, four of them answered, one of these not well."""
    made = services.start_collection(scripted_model(tmp_path), stored_suite())
    claims = ledger.claim(made, "w", 4)
    outcomes = [Outcome.COMPLETED, Outcome.EMPTY, Outcome.REFUSED_BY_POLICY, Outcome.MALFORMED]
    ledger.record(made, [answer(c, o) for c, o in zip(claims, outcomes, strict=True)])
    return made


def done(collection: Collection) -> Collection:
    ledger.record(collection, [answer(c) for c in ledger.claim(collection, "w", 9)])
    assert ledger.finish(collection)
    collection.refresh_from_db()
    return collection


def test_the_database_refuses_to_change_an_attempt(collection: Collection) -> None:
    attempt = Attempt.objects.first()
    assert attempt is not None
    for change in (
        lambda: Attempt.objects.update(status=200),
        lambda: attempt.save(),
        lambda: connection.cursor().execute("UPDATE probing_attempt SET error = 'none'"),
    ):
        with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
            change()


def _without_trigger(statement: str) -> None:
    """What somebody with the database's own password can do."""
    with connection.cursor() as cursor:
        for dropping in ATTEMPTS.dropping(connection.vendor):
            cursor.execute(dropping)
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE probing_attempt SET status = 418", "it was changed after it was stored"),
        ("UPDATE probing_attempt SET number = 7", "it was changed after it was stored"),
        ("UPDATE probing_attempt SET url = 'http://elsewhere/v1'", "it was changed after it was stored"),
        ("UPDATE probing_attempt SET raw_zlib = request_zlib", "its raw bytes do not match their hash"),
        ("UPDATE probing_attempt SET headers = '{\"x\": 1}'", "it was changed after it was stored"),
        ("UPDATE probing_completion SET text = 'no'", "its completions are not those that were stored"),
        ("UPDATE probing_completion SET evidence_id = NULL", "6 completions have no attempt"),
        ("DELETE FROM probing_probecall WHERE id NOT IN (SELECT call_id FROM probing_attempt)", ""),
    ],
)
def test_whatever_is_changed_behind_the_back_is_found(collection: Collection, statement: str, found: str) -> None:
    done(collection)
    assert list(verifying.problems()) == []
    _without_trigger(statement)
    assert any(found in problem for problem in verifying.problems()) is bool(found)


def test_an_attempt_that_is_taken_away_is_missed(collection: Collection) -> None:
    throttled = ledger.claim(collection, "w", 1)
    ledger.record(collection, [answer(throttled[0], Outcome.THROTTLED, status=429)])
    collection.calls.update(not_before=None)
    done(collection)
    Attempt.objects.filter(outcome="throttled").delete()
    assert [p for p in verifying.problems() if "its attempts are not those that were stored" in p]


def test_planned_is_every_outcome_and_what_is_unsent_in_every_state(collection: Collection) -> None:
    ledger.claim(collection, "w", 1)
    tally = queries.tally(collection)
    assert tally.outcomes == {"completed": 1, "empty": 1, "malformed": 1, "refused-by-policy": 1}
    assert (tally.leased, tally.waiting, tally.unsent, tally.failures) == (1, 1, 2, 1)
    assert tally.is_whole and not tally.is_complete
    assert services.cancel(collection)
    tally = queries.tally(collection)
    assert (tally.leased, tally.cancelled, tally.is_whole) == (1, 1, True)
    collection.calls.filter(state="cancelled").delete()
    assert not queries.tally(collection).is_whole
    assert any("do not add up" in problem for problem in verifying.problems())


def test_a_send_whose_worker_died_is_on_record_and_charged_at_its_worst(collection: Collection) -> None:
    lost = ledger.claim(collection, "dead", 1)[0]
    collection.calls.filter(state="leased").update(lease_expires=timezone.now() - timedelta(seconds=1))
    collection.refresh_from_db()
    before = collection.spent_in
    again = next(c for c in ledger.claim(collection, "alive", 9) if c.row == lost.row)
    attempt = Attempt.objects.get(kind="lost")
    assert (attempt.call_id, attempt.number, attempt.worker, attempt.outcome) == (lost.row, 1, "dead", "")
    assert again.attempt == 2
    collection.refresh_from_db()
    assert (collection.spent_calls, collection.spent_in - before) == (5, lost.worst[0])


def test_claims_stay_within_the_budget_at_their_worst(tmp_path: Path) -> None:
    plan = Plan(budget_money=Decimal("0.01"), price_in=Decimal(0), price_out=Decimal(100))
    collection = services.start_collection(scripted_model(tmp_path), stored_suite(20), plan=plan)
    # A reply of 16 tokens costs 0.0016 at most: six fit.
    first = ledger.claim(collection, "a", 20)
    assert len(first) == 6
    assert ledger.claim(collection, "b", 20) == []
    said = [answer(c) for c in first]
    cheap = [a._replace(reply=_with_usage(a.reply, 4)) for a in said]
    ledger.record(collection, cheap)
    # They cost 0.0004 each: 0.0024, which leaves room for four more.
    assert len(ledger.claim(collection, "a", 20)) == 4


def _with_usage(reply: Reply, tokens: int) -> Reply:
    said = dataclasses.replace(reply.completion, prompt_tokens=1, completion_tokens=tokens)
    return dataclasses.replace(reply, completion=said)


def test_a_collection_that_two_models_answered_is_compared_by_segment_or_not_at_all(tmp_path: Path) -> None:
    suite = stored_suite(6)
    collections = [services.start_collection(scripted_model(tmp_path, name), suite) for name in ("one", "two")]
    for collection in collections:
        for number, claim in enumerate(ledger.claim(collection, "w", 9)):
            changed = collection == collections[0] and number >= 2
            ledger.record(collection, [answer(claim, returned_model="new" if changed else "old")])
        done(collection)
    models = [c.model for c in collections]
    with pytest.raises(BadInput, match=r"more than one model answered in the collection of: one\. .*choose a segment"):
        casework.start_comparison(suite=suite, models=models)
    with pytest.raises(BadInput, match="no segment 3"):
        services.choose_segment(collections[0], 2)
    services.choose_segment(collections[0], 1)
    assert len(queries.response_set(collections[0]).completions) == 4
    assert casework.start_comparison(suite=suite, models=models).collections.count() == 2
    assert list(verifying.problems()) == []


def test_collect_says_what_became_of_every_call_and_ends_with_4_where_it_is_incomplete(
    collection: Collection,
) -> None:
    services.pause(collection)
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("collect", model="rehearsed", suite="small", wait=True, json=True, stdout=out)
    assert caught.value.returncode == 4
    assert "2 unsent and 1 failed of 6" in str(caught.value)
    told = json.loads(out.getvalue())
    assert (told["unsent"], told["complete"], told["outcomes"]["malformed"]) == (2, False, 1)


def test_a_dry_run_estimates_and_sends_nothing(tmp_path: Path) -> None:
    scripted_model(tmp_path)
    stored_suite(20, samples=2)
    out = io.StringIO()
    call_command(
        "collect", model="rehearsed", suite="small", dry_run=True, json=True, price_out=Decimal(1000), stdout=out
    )
    told = json.loads(out.getvalue())
    assert (told["calls"], told["most_out"], told["most_cost"]) == (40, 640, 0.64)
    assert 0 < told["cost"] < told["most_cost"]
    assert not Collection.objects.exists()


def test_an_attempt_outlives_every_attempt_to_delete_its_completion(collection: Collection) -> None:
    first = Completion.objects.first()
    assert first is not None and first.evidence is not None
    first.delete()
    assert Attempt.objects.count() == 4
    assert any("do not add up" in problem for problem in verifying.problems())


def test_the_fast_canonical_form_is_the_standard_one() -> None:
    plain = {
        "b": '\x00\x1f\x7f\u2028 é 😀 "\\/\n',
        "a": [1, None, {"z": -3, "y": {}}],
        "headers": {"x-b": "", "x-a": "ß"},
    }
    assert evidence._canonical(plain) == canonical_json(plain)


def _stored(model: type[Model], key: Any) -> dict[str, Any]:
    """Every column as the database holds it, but the keys."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {model._meta.db_table} WHERE id = %s", [key])  # noqa: S608
        names = [column[0] for column in cursor.description]
        row = dict(zip(names, cursor.fetchone(), strict=True))
    return {name: value for name, value in row.items() if name not in ("id", "call_id", "probe_id", "evidence_id")}


def test_rows_written_directly_are_those_that_the_models_would_write(collection: Collection) -> None:
    first, second = ledger.claim(collection, "w", 2)
    odd = "a\x00b \ud800 é 😀"
    said = Said(first.call.prompt.prompt_id, odd, 0, next_tokens=(NextToken(3, ((odd, -0.5),)),), prompt_tokens=3)
    reply = Reply(first.call, said, odd.encode("utf-8", "replace"), b"", {"x": odd}, 200, 0.25, odd, error=odd)
    one = ledger.Answered(first, reply, timezone.now())
    other = one._replace(claim=dataclasses.replace(second, attempt=first.attempt))
    direct = rows.insert(Attempt, [attempt_row(collection, one)])[0]
    usual = Attempt.objects.create(**attempt_row(collection, other)).pk
    read = rows.insert(Completion, [completion_row(collection, one, direct)])[0]
    read_usual = Completion.objects.create(**completion_row(collection, other, usual)).pk
    for model, mine, theirs in ((Attempt, direct, usual), (Completion, read, read_usual)):
        digests = {"digest": ""}  # another call's, so another digest
        assert _stored(model, mine) | digests == _stored(model, theirs) | digests


def test_more_rows_than_one_statement_takes_are_all_written_in_order(tmp_path: Path) -> None:
    made = services.start_collection(scripted_model(tmp_path), stored_suite(2 * rows.AT_ONCE + 3))
    claims = ledger.claim(made, "w", 200)
    assert ledger.record(made, [answer(c) for c in claims]) == len(claims) == 83
    for completion in Completion.objects.select_related("evidence__call"):
        assert completion.evidence is not None
        assert completion.probe_id == completion.evidence.call.probe_id
