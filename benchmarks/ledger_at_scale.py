"""Ten collections of ten thousand calls through the real ledger on SQLite: writing, finishing, and the pages."""

from __future__ import annotations

import logging
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks._table import lines, timed

TITLE = "100,000 stored completions (FILIATION_BENCH_CALLS): ingest >= 300/s, memory flat, page p95 <= 1.5 s"
MODELS = 10
CALLS = int(os.environ.get("FILIATION_BENCH_CALLS", "100000")) // MODELS
BATCH = 64
VISITS = 40
WORDS = "a reply of some length, as a model gives it when it is asked an open question and has room to answer. " * 4


def run() -> list[str]:
    """The table's lines."""
    prepare()
    return _measured()


def prepare() -> None:
    """A home and a database of its own."""
    home = tempfile.mkdtemp(prefix="filiation-bench-")
    os.environ.update(FILIATION_HOME=home, DJANGO_SETTINGS_MODULE="webapp.settings")
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from django.core.management import call_command

    # The work is done here: no message has to be sent for it.
    logging.getLogger("webapp.dispatch").setLevel(logging.ERROR)
    call_command("migrate", verbosity=0)


def _measured() -> list[str]:
    from webapp.probing import verifying

    planned = timed(started)
    collections = planned.result
    before = peak()
    wrote = timed(lambda: [answer(collection) for collection in collections])
    after_writing = peak()
    finished = timed(lambda: [finish(collection) for collection in collections])
    after_finishing = peak()
    checked = timed(lambda: list(verifying.problems()))
    total = MODELS * CALLS
    rows = [
        ("calls planned and stored", f"{total / planned.seconds:,.0f} / s", ""),
        ("claimed, answered, written", f"{total / wrote.seconds:,.0f} / s", ">= 300"),
        ("finished: hashes of everything", f"{total / finished.seconds:,.0f} / s", ""),
        ("memory: growth while writing", f"{after_writing - before:.0f} MB", ""),
        ("memory: growth while finishing", f"{after_finishing - after_writing:.0f} MB", ""),
        ("ledger verify", f"{total / checked.seconds:,.0f} / s, {len(checked.result)} problems", "0"),
    ]
    rows += [(f"{name}, p95 of {VISITS}", f"{seconds:.3f} s", "<= 1.5") for name, seconds in _pages(collections)]
    return lines(("", "measured", "asked for"), rows)


def peak() -> float:
    """The largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def started() -> list[Any]:
    """Collections of a large suite on as many models as are measured."""
    from forensics.probes import Probe, Suite
    from forensics.records import GenerationConfig, Prompt
    from webapp.catalogue.models import Model
    from webapp.probing import services

    probes = tuple(Probe(Prompt.chat(f"p{i:06}", f"Question {i}?"), GenerationConfig()) for i in range(CALLS))
    suite = services.register_suite(Suite("large", "1", "For measuring", probes))
    models = [Model.objects.create(name=f"m{i}", adapter="scripted", location="none") for i in range(MODELS)]
    return [services.start_collection(model, suite) for model in models]


def answer(collection: Any) -> None:
    """Claim, answer and record every call of it."""
    from django.utils import timezone

    from forensics.adapters import Reply
    from forensics.records import Completion
    from tasks import ledger

    request, raw = b'{"prompt": "..."}' * 20, WORDS.encode() * 2
    while claims := ledger.claim(collection, "bench", BATCH):
        answered = []
        for claim in claims:
            said = Completion(
                claim.call.prompt.prompt_id, WORDS, claim.call.sample, prompt_tokens=9, completion_tokens=90
            )
            reply = Reply(claim.call, said, request, raw, {"x-request-id": "r"}, 200, 0.2, "m", "f")
            answered.append(ledger.Answered(claim, reply, timezone.now()))
        ledger.record(collection, answered)


def finish(collection: Any) -> None:
    """Let it be done, with its hashes."""
    from tasks import ledger

    assert ledger.finish(collection)


def _pages(collections: list[Any]) -> list[tuple[str, float]]:
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.create_user("bench"))
    place, last = f"/collections/{collections[0].pk}/", CALLS // 25
    _reopen(collections[1])
    return [
        ("a collection's first page", _p95(client, lambda _: place)),
        ("its pages far on", _p95(client, lambda i: f"{place}?page={last - i}")),
        ("its pages of one outcome", _p95(client, lambda i: f"{place}?outcome=completed&page={last // 2 - i}")),
        ("one that runs, counted live", _p95(client, lambda _: f"/collections/{collections[1].pk}/")),
        ("the list of collections", _p95(client, lambda _: "/collections/")),
    ]


def _reopen(collection: Any) -> None:
    from webapp.probing.models import Collection

    Collection.objects.filter(pk=collection.pk).update(state="running", counts={})


def _p95(client: Any, address: Callable[[int], str]) -> float:
    found = []
    for visit in range(VISITS):
        began = time.perf_counter()
        assert client.get(address(visit)).status_code == 200
        found.append(time.perf_counter() - began)
    return statistics.quantiles(found, n=20)[-1]
