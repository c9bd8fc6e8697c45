"""What every HTTP adapter shares: pacing, evidence of what did not come whole, secrets, and waiting when asked to."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, UNPACED, Call, Held, Pacer, Reply, Target
from forensics.adapters._replies import retry_after
from forensics.outbound import Limits
from forensics.records import GenerationConfig, Outcome, Prompt
from tests.forensics.wires import SECRET, WIRES
from tests.helpers.serving import Handler, Served, serving

CALL = Call(Prompt.chat("c", "Name a fruit."), 0, GenerationConfig(max_tokens=9, seed=5))
GOOD = json.dumps(WIRES["openai-compatible"].said()).encode()


def send(
    server: Served, *calls: Call, pacer: Pacer = UNPACED, name: str = "openai-compatible", **more: Any
) -> list[Reply]:
    """The adapter's replies."""
    adapter = registry.load(PACKAGE, name)
    with adapter.open(Target(server.url, "asked-1", SECRET, (server.host,)), pacer, **more) as session:
        return list(session.send(calls))


def one(handler: Handler, **more: Any) -> Reply:
    """The reply to one call."""
    with serving(handler) as server:
        return send(server, CALL, **more)[0]


def answering(raw: bytes, status: int = 200, **headers: str) -> Handler:
    """A handler with one answer."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=raw, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handle


class Counting:
    """A pacer that lets two calls out at once, five in all, and remembers what it saw."""

    def __init__(self) -> None:
        self.out = self.most = self.let = 0
        self.seen: list[Reply] = []

    @asynccontextmanager
    async def slot(self, _call: Call, /) -> AsyncIterator[None]:
        while self.out == 2:
            await asyncio.sleep(0.005)
        if self.let == 5:
            raise Held(7.5, "the server asked for time")
        self.let, self.out = self.let + 1, self.out + 1
        self.most = max(self.most, self.out)
        try:
            yield
        finally:
            self.out -= 1

    async def saw(self, reply: Reply) -> None:
        self.seen.append(reply)


@pytest.mark.parametrize("name", WIRES)
def test_every_request_asks_the_pacer_and_every_reply_is_told_to_it(name: str) -> None:
    pacer, calls = Counting(), [dataclasses.replace(CALL, sample=i) for i in range(9)]

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.02)
        return web.json_response(WIRES[name].said())

    with serving(slow) as server:
        replies = send(server, *calls, pacer=pacer, name=name)
        assert (len(server.seen), pacer.let, pacer.most) == (5, 5, 2)
    sent = [reply for reply in replies if reply.sent]
    assert {id(reply) for reply in pacer.seen} == {id(reply) for reply in sent}
    held = [reply for reply in replies if not reply.sent]
    assert len(held) == 4
    for reply in held:
        assert (reply.completion.outcome, reply.retry_after, reply.error) == (
            Outcome.THROTTLED,
            7.5,
            "the server asked for time",
        )
        assert (reply.request, reply.raw, reply.status) == (b"", b"", None)


def test_a_call_is_asked_for_when_there_is_room_and_not_before() -> None:
    asked: list[int] = []

    def feed() -> Iterator[Call]:
        for number in range(40):
            asked.append(number)
            yield dataclasses.replace(CALL, sample=number)

    with serving(answering(GOOD)) as server:
        adapter = registry.load(PACKAGE, "openai-compatible")
        with adapter.open(Target(server.url, "m", "", (server.host,))) as session:
            came = 0
            for _ in session.send(feed()):
                came += 1
                assert len(asked) - came <= 16
    assert (came, len(server.seen)) == (40, 40)


def test_calls_go_out_side_by_side() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(body=GOOD)

    calls = [dataclasses.replace(CALL, sample=i) for i in range(32)]
    with serving(slow) as server:
        replies = send(server, *calls)
    assert sorted(r.call.sample for r in replies) == list(range(32))
    assert max(reply.elapsed for reply in replies) < 1.5, "16 at a time: the second 16 wait for their turn, unmeasured"


async def broken_off(request: web.Request) -> web.StreamResponse:
    """Promises a hundred bytes, sends a few."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"choices"')
    assert request.transport is not None
    request.transport.close()
    return response


async def aborted(request: web.Request) -> web.StreamResponse:
    """Hangs up."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never_ends(request: web.Request) -> web.StreamResponse:
    """Begins, and says a little now and then."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(50):
        await response.write(b"{")
        await asyncio.sleep(0.05)
    return response


async def silent(_: web.Request) -> web.Response:
    """Says nothing for long."""
    await asyncio.sleep(5)
    return web.Response()


@pytest.mark.parametrize(
    ("handler", "outcome", "kept"),
    [
        (broken_off, Outcome.FAILED, b'{"choices"'),
        (aborted, Outcome.FAILED, b""),
        (never_ends, Outcome.TIMED_OUT, b"{{"),
        (silent, Outcome.TIMED_OUT, b""),
        (answering(b"x" * (9 << 20)), Outcome.MALFORMED, b"x" * (8 << 20)),
        (answering(gzip.compress(bytes(9 << 20)), Content_Encoding="gzip"), Outcome.MALFORMED, b"\x1f\x8b"),
        (answering(b"not gzip", Content_Encoding="gzip"), Outcome.MALFORMED, b"not gzip"),
    ],
    ids=["broken off", "aborted", "never ends", "silent", "too large", "gzip bomb", "false gzip"],
)
def test_what_did_not_come_whole_is_named_timed_and_kept(handler: Handler, outcome: Outcome, kept: bytes) -> None:
    reply = one(handler, limits=Limits(total=0.5))
    assert reply.completion.outcome is outcome, reply.error
    assert reply.raw.startswith(kept)
    assert len(reply.raw) <= 8 << 20
    assert bool(reply.raw) == (reply.status == 200) == bool(kept)
    assert reply.error
    assert reply.elapsed > 0
    assert reply.request


@pytest.mark.parametrize("form", [SECRET, SECRET.replace("/", "\\/"), "sk-secret-value%2F%2B1"])
def test_a_secret_that_the_server_echoes_is_in_no_part_of_the_reply(form: str) -> None:
    said = WIRES["openai-compatible"].said("Your key is @.") | {"model": "for @", "system_fingerprint": "@"}
    raw = json.dumps(said).replace("@", form).encode()
    for body, headers in ((raw, {}), (gzip.compress(raw), {"Content_Encoding": "gzip"})):
        reply = one(answering(body, X_Request_Id=f"r {form}", **headers))
        assert reply.completion.text == "Your key is [secret]."
        assert json.loads(reply.raw)["model"] == reply.returned_model == "for [secret]"
        for told in (repr(reply), str(reply.raw), str(reply.request)):
            assert "secret-value" not in told


def test_a_placeholder_is_no_secret_and_changes_no_evidence() -> None:
    raw = GOOD.replace(b"An apple", b"none of them")
    with serving(answering(raw)) as server:
        adapter = registry.load(PACKAGE, "openai-compatible")
        with adapter.open(Target(server.url, "m", "none", (server.host,))) as session:
            assert next(session.send([CALL])).raw == raw


@pytest.mark.parametrize(
    ("asked", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_read_as_seconds_and_never_as_less_than_none(asked: str, seconds: float) -> None:
    assert retry_after({"retry-after": asked}) == seconds


def test_retry_after_is_read_as_a_date_and_in_milliseconds() -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    found = retry_after({"Retry-After": asked})
    assert found is not None
    assert 60 < found <= 90
    assert retry_after({"Retry-After-Ms": "1500", "Retry-After": "2"}) == 1.5


@pytest.mark.parametrize("absurd", ["", "soon", "nan", "inf", "1e999"])
def test_an_absurd_retry_after_is_no_retry_after(absurd: str) -> None:
    assert retry_after({"Retry-After": absurd}) is None


def test_time_asked_for_in_a_body_counts_and_a_busy_server_that_names_a_time_is_a_throttle() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "31.5s"}
    body = json.dumps({"error": {"code": 429, "message": "quota", "details": [info]}}).encode()
    asked = one(answering(body, 429), name="gemini")
    assert (asked.completion.outcome, asked.retry_after) == (Outcome.THROTTLED, 31.5)
    for name in WIRES:
        busy = one(answering(b"", 503, Retry_After="4"), name=name)
        assert (busy.completion.outcome, busy.retry_after) == (Outcome.THROTTLED, 4.0)
