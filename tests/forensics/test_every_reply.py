"""Every kind of reply, over all three protocols: a named outcome, its raw bytes, and never the secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Call, Kept, Reply, Rereads, Session, Target
from forensics.provenance import sha256
from forensics.records import Completion, GenerationConfig, Outcome, Prompt
from tests.forensics.wires import SECRET, WIRES, replies, streams
from tests.helpers.serving import serving

KINDS = [(name, kind) for name, wire in WIRES.items() for kind in replies(wire)]
STREAMS = [(name, kind) for name, wire in WIRES.items() for kind in streams(wire)]
NEVER_SCORED_AS_REFUSAL = {Outcome.MALFORMED, Outcome.THROTTLED, Outcome.TIMED_OUT, Outcome.FAILED, Outcome.EMPTY}


@contextmanager
def answering(name: str, *, stream: bool) -> Iterator[Session]:
    """An open session of one adapter, on a server that answers each call with the kind that its prompt names."""
    wire = WIRES[name]
    kinds = {k: (b, 200) for k, (b, _) in streams(wire).items()} if stream else replies(wire)

    async def handle(request: web.Request) -> web.Response:
        asked = await request.text()
        kind = next(k for k in kinds if f'"kind: {k}"' in asked)
        body, status = kinds[kind][:2]
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=raw, status=status, content_type="text/event-stream" if stream else "application/json")

    with serving(handle) as server:
        adapter: Any = registry.load(PACKAGE, name)
        target = Target(server.url, "asked-1", SECRET, (server.host,), stream=stream)
        with adapter.open(target) as session:
            yield session


@pytest.fixture(scope="module")
def sessions() -> Iterator[dict[tuple[str, bool], Session]]:
    """One session for each protocol, in one piece and streamed."""
    with ExitStack() as stack:
        ways = [(name, stream) for name in WIRES for stream in (False, True)]
        yield {way: stack.enter_context(answering(way[0], stream=way[1])) for way in ways}


def ask(session: Session, kind: str) -> Reply:
    """The reply of that kind."""
    (reply,) = session.send([Call(Prompt.chat("c", f"kind: {kind}"), 2, GenerationConfig(max_tokens=9))])
    return reply


def reread(name: str, reply: Reply, *, stream: bool) -> Completion:
    """What somebody else reads from what is kept of a reply."""
    adapter = registry.load(PACKAGE, name)
    assert isinstance(adapter, Rereads)
    kept = Kept(reply.raw, reply.status, reply.headers)
    return adapter.reread(reply.call, kept, Target("", "asked-1", stream=stream))


def test_there_are_many_kinds_for_each_protocol() -> None:
    bad = {name: sum(not o.has_text for *_, o in replies(wire).values()) for name, wire in WIRES.items()}
    assert min(bad.values()) >= 25


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_reply_has_a_named_outcome_and_keeps_its_bytes(sessions: Any, name: str, kind: str) -> None:
    body, status, outcome = replies(WIRES[name])[kind]
    reply = ask(sessions[name, False], kind)
    assert reply.completion.outcome is outcome, reply.error
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert sha256(reply.raw) == sha256(raw.replace(SECRET.encode(), b"[secret]"))
    assert (reply.status, reply.completion.sample) == (status, 2)
    assert bool(reply.completion.text.strip()) == outcome.has_text or outcome is Outcome.FILTERED
    assert reply.error or outcome.has_text or outcome is Outcome.EMPTY
    assert SECRET not in f"{reply}{reply.raw!r}{reply.request!r}"
    assert reread(name, reply, stream=False) == reply.completion


@pytest.mark.parametrize(("name", "kind"), STREAMS)
def test_a_stream_has_a_named_outcome_and_keeps_its_bytes(sessions: Any, name: str, kind: str) -> None:
    raw, outcome = streams(WIRES[name])[kind]
    reply = ask(sessions[name, True], kind)
    assert reply.completion.outcome is outcome, reply.error
    assert sha256(reply.raw) == sha256(raw)
    assert reread(name, reply, stream=True) == reply.completion
    if outcome is Outcome.COMPLETED:
        assert reply.completion.text == "An apple."
        assert (reply.completion.prompt_tokens, reply.completion.completion_tokens) == (7, 3)
        assert reply.returned_model == "served-1"


@pytest.mark.parametrize("name", WIRES)
def test_a_streamed_reply_says_what_the_same_reply_says_in_one_piece(sessions: Any, name: str) -> None:
    for kind, same in (("plain", "whole"), ("reasoning and text", "with thinking"), ("cut by length", "cut by length")):
        assert ask(sessions[name, False], kind).completion == ask(sessions[name, True], same).completion


def test_no_failure_is_ever_named_a_refusal() -> None:
    for wire in WIRES.values():
        for kind, (_, status, outcome) in replies(wire).items():
            assert status == 200 or outcome in NEVER_SCORED_AS_REFUSAL | {Outcome.FILTERED}, kind
