"""Replies that are malformed, or come from another model in mid-run: each has its outcome and keeps its bytes."""

from __future__ import annotations

import contextlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from aiohttp import web
from django.db.models import Count

from forensics.probes import Probe, Suite
from forensics.provenance import sha256
from forensics.records import GenerationConfig, Outcome, Prompt
from tests.faults.stage import Stage
from tests.forensics.wires import WIRES, replies
from tests.helpers.answering import completion, words_of
from webapp.probing import queries, services

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]


def kinds() -> dict[str, tuple[Any, int, Outcome]]:
    """Every kind of reply of the OpenAI protocol that a collection lives on after."""
    return {k: v for k, v in replies(WIRES["openai-compatible"]).items() if v[1] not in (401, 403, 404)}


WIRE_KINDS = {
    "50 MB": (Outcome.MALFORMED, "larger than"),
    "gzip bomb": (Outcome.MALFORMED, "larger than"),
    "falsely packed": (Outcome.MALFORMED, "says gzip and is not"),
    "cut stream": (Outcome.FAILED, "broke off"),
}


async def _on_the_wire(kind: str, request: web.Request) -> web.StreamResponse:
    if kind == "gzip bomb":
        packer = zlib.compressobj(wbits=31)
        body = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(64)) + packer.flush()
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})
    if kind == "falsely packed":
        return web.Response(body=b"not packed", headers={"Content-Encoding": "gzip"})
    response = web.StreamResponse(headers={"Content-Length": str(50 << 20)})
    await response.prepare(request)
    for _ in range(50 if kind == "50 MB" else 1):
        with contextlib.suppress(ConnectionError):
            await response.write(b" " * (1 << 20 if kind == "50 MB" else 99))
    assert request.transport is not None
    request.transport.abort()
    return response


def suite_of(questions: Iterable[str]) -> Any:
    """A stored suite with these questions, each its own prompt."""
    config = GenerationConfig(max_tokens=16)
    probes = tuple(Probe(Prompt.chat(f"k{i:03}", f"kind: {q}"), config) for i, q in enumerate(questions))
    return services.register_suite(Suite("kinds", "1", "Kinds of reply", probes))


def test_every_malformed_kind_through_a_worker(stage: Stage, report: Any) -> None:
    known, sent = kinds(), {}
    asked: Counter[str] = Counter()

    async def handle(request: web.Request) -> web.StreamResponse:
        kind = words_of(await request.read()).removeprefix("kind: ")
        asked[kind] += 1
        if asked[kind] > 1:
            return completion("at last")
        if kind in WIRE_KINDS:
            return await _on_the_wire(kind, request)
        body, status, _ = known[kind]
        sent[kind] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=sent[kind], status=status, content_type="application/json")

    with stage.serving(handler=handle):
        collection = stage.collect(0, 4, suite=suite_of([*known, *WIRE_KINDS]))
        with stage.worker() as worker:
            worker.until(stage.ended, 120)
    first = {
        a.call.probe.prompt.text.removeprefix("kind: "): a
        for a in queries.attempts(collection).filter(number=1).select_related("call__probe")
    }
    expected = {k: v[2] for k, v in known.items()} | {k: v[0] for k, v in WIRE_KINDS.items()}
    wrong = {k for k, outcome in expected.items() if first[k].outcome != outcome.value}
    changed = {k for k, raw in sent.items() if first[k].raw_sha256 != (sha256(raw) if raw else "")}
    unsaid = {k for k, (_, words) in WIRE_KINDS.items() if words not in first[k].error}
    scored = {
        c.prompt_id for c in queries.response_set(collection).completions if c.outcome is Outcome.REFUSED_BY_POLICY
    }
    policy = {a.call.probe.prompt_id for a in first.values() if a.outcome == "refused-by-policy"}
    nameless = {k for k, a in first.items() if a.outcome == "malformed" and not a.raw_sha256 and sent.get(k)}
    bars = {
        f"another outcome: {sorted(wrong)}": not wrong,
        f"other bytes: {sorted(changed)}": not changed,
        f"unsaid: {sorted(unsaid)}": not unsaid,
        f"without a hash: {sorted(nameless)}": not nameless,
        "scored as a refusal": scored <= policy and len(policy) == 1,
    }
    bad = sum(not outcome.has_text for outcome in expected.values())
    report("malformed replies", f"{len(expected)} kinds, {bad} of them bad", stage.found(), stage.bars() | bars)


def test_5_percent_bad_replies(stage: Stage, size: Any, report: Any) -> None:
    calls = size(200, 2000)
    bodies = [b"<html><title>Sign in</title></html>", b'{"choices": []}', b'{"choices": [{"mess']

    def decide(question: str, _: int) -> Any:
        number = int(question.removeprefix("Question ").removesuffix("?"))
        return None if number % 20 else web.Response(body=bodies[number // 20 % 3], content_type="application/json")

    with stage.serving(decide, 0.02):
        collection = stage.collect(calls, 32)
        with stage.worker() as worker, stage.command() as command:
            worker.until(stage.ended, 120)
            code = command.wait(20)
    kept = dict(
        queries.attempts(collection).filter(outcome="malformed").values_list("call__probe__prompt_id", "raw_sha256")
    )
    expected = {f"p{n:03}": sha256(bodies[n // 20 % 3]) for n in range(0, calls, 20)}
    bars = {
        "a good one is gone": collection.counts == {"completed": calls - calls // 20, "malformed": calls // 20},
        "a bad one is not on record with its bytes": kept == expected,
        f"exit code {code} though incomplete": code == 4,
    }
    report("5 % cut, HTML or without choices", f"{calls:,} calls, {len(kept)} bad", stage.found(), stage.bars() | bars)


def test_the_model_changes_at_half(stage: Stage, size: Any, report: Any) -> None:
    calls, at_once = size((100, 4), (2000, 32))

    def decide(question: str, _: int) -> web.Response:
        late = len(stage.arrived) > calls // 2
        return completion(f"{question} indeed", model="second" if late else "first")

    with stage.serving(decide, 0.02):
        collection = stage.collect(calls, at_once)
        with stage.worker() as worker:
            worker.until(stage.ended, 120)
    flagged, parts = collection.changed_model, queries.segments(collection)
    told = dict(queries.attempts(collection).order_by().values_list("returned_model").annotate(n=Count("pk")))
    hashes = []
    for number, part in enumerate(parts):
        services.choose_segment(collection, number)
        hashes.append((len(queries.response_set(collection).completions) == part.count, collection.compared_hash))
    bars = {
        "not flagged": flagged and [name for name, _ in collection.identities] == ["first", "second"],
        "not split": [part.count for part in parts] == [told["first"], told["second"]],
        "a comparison would read both": all(same for same, _ in hashes) and len({h for _, h in hashes}) == 2,
    }
    split = " + ".join(str(part.count) for part in parts)
    report("model id changes at 50 %", f"{calls:,} calls: {split}", stage.found(), stage.bars() | bars)
