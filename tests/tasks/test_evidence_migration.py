"""Completions of the version before keep their evidence, now as attempts, and the trigger stands at the end."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from forensics.provenance import sha256
from webapp.probing import queries, verifying
from webapp.probing.models import Attempt, Collection

pytestmark = pytest.mark.django_db(transaction=True)


def migrated(name: str) -> Any:
    """The models as they are after that migration, the catalogue's as they were then."""
    there = [("catalogue", "0001_initial"), ("probing", name)]
    MigrationExecutor(connection).migrate(there)
    return MigrationExecutor(connection).loader.project_state(there).apps


def bring_up_to_date() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.fixture
def before() -> Any:
    """The database as the version before left it; brought up to date at the end whatever happens."""
    yield migrated("0001_initial")
    bring_up_to_date()


def test_completions_of_the_version_before_become_attempts_with_their_bytes(before: Any) -> None:
    def make(kind: str, app: str = "probing", **fields: Any) -> Any:
        return before.get_model(app, kind).objects.create(**fields)

    model = make("Model", "catalogue", name="m", adapter="scripted", location="x")
    suite = make("Suite", name="s", version="1", suite_hash="0" * 64)
    config = {"max_tokens": 20, "samples": 1}
    probes = [
        make("Probe", suite=suite, ordinal=i, prompt_id=f"p{i}", mode="chat", family="open", config=config,
             messages=[{"role": "user", "content": "Hello"}])
        for i in range(2)
    ]  # fmt: skip
    collection = make("Collection", model=model, suite=suite, planned=2)
    make("ProbeCall", collection=collection, probe=probes[0], sample=0, state="done", attempt=3)
    make("ProbeCall", collection=collection, probe=probes[1], sample=0)
    make(
        "Completion", collection=collection, probe=probes[0], sample=0, attempt=3, text="yes", outcome="completed",
        raw_zlib=zlib.compress(b"raw"), raw_sha256=sha256(b"raw"), request_zlib=zlib.compress(b"asked"),
        request_sha256=sha256(b"asked"), headers={"server": "x"}, status=200, elapsed=0.25, returned_model="old",
        received_at=timezone.now(),
    )  # fmt: skip
    recorded = make("Collection", model=model, suite=suite, planned=1, recorded=True, state="done")
    make("Completion", collection=recorded, probe=probes[0], sample=0, text="theirs", outcome="completed")
    bring_up_to_date()
    attempt = Attempt.objects.get()
    assert (attempt.raw, attempt.request, attempt.number, attempt.status) == (b"raw", b"asked", 3, 200)
    assert attempt.completion.text == "yes"
    assert Attempt.objects.filter(completion__collection=recorded.pk).count() == 0
    waiting = Collection.objects.get(pk=collection.pk).calls.get(state="waiting")
    assert (waiting.worst_in, waiting.worst_out) == (5 + 64, 20)
    assert queries.tally(Collection.objects.get(pk=collection.pk)).is_whole
    assert not [problem for problem in verifying.problems() if "attempt" in problem]
    with pytest.raises(DatabaseError, match="never changed"):
        Attempt.objects.update(status=404)
