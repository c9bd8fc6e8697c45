"""The OpenAI protocol against a real server on loopback: exact requests, and a name for every kind of reply."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Call, Reply, Target, openai_compatible
from forensics.adapters._openai_replies import retry_after
from forensics.errors import AdapterError, OutboundRefused
from forensics.outbound import Limits
from forensics.provenance import sha256
from forensics.records import GenerationConfig, Outcome, Prompt
from tests.helpers.serving import Handler, Served, serving

CHAT = Call(Prompt.chat("c", "Name a fruit, détail."), 2, GenerationConfig(max_tokens=9, temperature=0.7, seed=5))
RAW = Call(Prompt.raw("r", "Once upon"), 0, GenerationConfig(max_tokens=3, top_logprobs=2))
SECRET = "sk-secret-value"


def answering(body: Any, status: int = 200, **headers: str) -> Handler:
    """A handler with one answer; a mapping is sent as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=raw, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handle


def said(content: str | None = "An apple.", finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return {"model": "served-1", "system_fingerprint": "fp", "choices": [choice], "usage": usage}


def send(server: Served, *calls: Call) -> list[Reply]:
    """The adapter's replies."""
    adapter = registry.load(PACKAGE, "openai-compatible")
    with adapter.open(Target(server.url, "asked-1", SECRET, (server.host,))) as session:
        return list(session.send(calls))


def one(handler: Handler, call: Call = CHAT) -> Reply:
    """The reply to one call."""
    with serving(handler) as server:
        return send(server, call)[0]


def test_a_chat_call_sends_exactly_this() -> None:
    with serving(answering(said())) as server:
        reply = send(server, CHAT)[0]
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/v1/chat/completions")
    assert headers["Authorization"] == f"Bearer {SECRET}"
    expected = (
        '{"model":"asked-1","messages":[{"role":"user","content":"Name a fruit, détail."}],"max_tokens":9,'
        '"temperature":0.7,"top_p":1.0,"seed":5,"stream":false}'
    )
    assert body == expected.encode() == reply.request


def test_a_raw_call_sends_exactly_this_and_reads_the_first_distribution() -> None:
    logprobs = {"top_logprobs": [{" a": -0.5, " the": -0.25, " x": float("-inf")}, {"b": -1.0}]}
    body = {"model": "m", "choices": [{"text": " a time", "finish_reason": "length", "logprobs": logprobs}]}
    raw = json.dumps(body).encode()
    with serving(answering(raw)) as server:
        reply = send(server, RAW)[0]
    assert server.seen[0][1] == "/v1/completions"
    assert json.loads(server.seen[0][3]) == {
        "model": "asked-1",
        "prompt": "Once upon",
        "max_tokens": 3,
        "temperature": 0.0,
        "top_p": 1.0,
        "seed": 0,
        "stream": False,
        "logprobs": 2,
    }
    assert (reply.completion.text, reply.completion.outcome) == (" a time", Outcome.TRUNCATED)
    assert [(n.chars, n.top) for n in reply.completion.next_tokens] == [(9, ((" the", -0.25), (" a", -0.5)))]
    assert reply.raw == raw


def test_chat_distributions_are_asked_for_and_read() -> None:
    call = dataclasses.replace(CHAT, config=GenerationConfig(top_logprobs=2))
    rows = [{"token": "No", "logprob": -1.5}, {"token": "Yes", "logprob": -0.1}]
    body = said()
    body["choices"][0]["logprobs"] = {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": rows}]}
    with serving(answering(body)) as server:
        reply = send(server, call)[0]
    sent = json.loads(server.seen[0][3])
    assert (sent["logprobs"], sent["top_logprobs"]) == (True, 2)
    assert reply.completion.next_tokens[0].top == (("Yes", -0.1), ("No", -1.5))


def test_everything_that_came_back_is_kept() -> None:
    reply = one(answering(said(), X_Request_Id="r-1", Set_Cookie="session=1"))
    assert reply.completion.outcome is Outcome.COMPLETED
    assert (reply.completion.text, reply.completion.sample, reply.completion.finish_reason) == ("An apple.", 2, "stop")
    assert (reply.completion.prompt_tokens, reply.completion.completion_tokens) == (7, 3)
    assert (reply.returned_model, reply.system_fingerprint, reply.status) == ("served-1", "fp", 200)
    assert sha256(reply.raw) == sha256(json.dumps(said()).encode())
    assert reply.headers["x-request-id"] == "r-1"
    assert "set-cookie" not in reply.headers


REPLIES: dict[str, tuple[Any, int, Outcome]] = {
    "plain": (said(), 200, Outcome.COMPLETED),
    "cut by length": (said("An app", "length"), 200, Outcome.TRUNCATED),
    "empty text": (said(""), 200, Outcome.EMPTY),
    "null text": (said(None), 200, Outcome.EMPTY),
    "spaces alone": (said(" \n"), 200, Outcome.EMPTY),
    "reasoning alone": (said(None, reasoning_content="Let me think"), 200, Outcome.EMPTY),
    "unfinished thinking": (said("<think>Let me", "length"), 200, Outcome.EMPTY),
    "filtered": (said("", "content_filter"), 200, Outcome.FILTERED),
    "filtered by status": ({"error": {"code": "content_filter", "message": "no"}}, 400, Outcome.FILTERED),
    "a refusal in its own field": (said(None, refusal="I cannot."), 200, Outcome.REFUSED_BY_POLICY),
    "words that look like a refusal": (said("I'm sorry, I can't."), 200, Outcome.COMPLETED),
    "throttled": ({"error": {"message": "slow down"}}, 429, Outcome.THROTTLED),
    "gateway timeout": (b"", 504, Outcome.TIMED_OUT),
    "server error": (b"<html>oops</html>", 500, Outcome.FAILED),
    "wrong key": ({"error": {"message": f"bad key {SECRET}"}}, 401, Outcome.FAILED),
    "redirect": (b"", 307, Outcome.FAILED),
    "200 with an error": ({"error": {"message": "overloaded"}}, 200, Outcome.FAILED),
    "error as text": ({"error": "overloaded"}, 200, Outcome.FAILED),
    "bad JSON": (b'{"choices": [', 200, Outcome.MALFORMED),
    "HTML": (b"<!doctype html><title>Sign in</title>", 200, Outcome.MALFORMED),
    "nothing": (b"", 200, Outcome.MALFORMED),
    "bad UTF-8": (b'{"choices":[{"message":{"content":"\xff\xfe"}}]}', 200, Outcome.MALFORMED),
    "no choices": ({"choices": []}, 200, Outcome.MALFORMED),
    "choices of another type": ({"choices": "text"}, 200, Outcome.MALFORMED),
    "a list": ([1, 2], 200, Outcome.MALFORMED),
    "a number": (b"12", 200, Outcome.MALFORMED),
    "text of another type": (said({"a": 1}), 200, Outcome.MALFORMED),  # type: ignore[arg-type]
    "finish of another type": (said(finish=3), 200, Outcome.MALFORMED),  # type: ignore[arg-type]
    "lone surrogate": (b'{"choices":[{"message":{"content":"\\ud800"}}]}', 200, Outcome.MALFORMED),
    "nested too deep": (b"[" * 200_000, 200, Outcome.MALFORMED),
    "a stream where none was asked": (b'data: {"choices":[]}\n\ndata: [DONE]\n', 200, Outcome.MALFORMED),
    "a number too long": (b'{"choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":' + b"9" * 5000 + b"}}",
                          200, Outcome.MALFORMED),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPLIES)
def test_every_kind_of_reply_has_a_named_outcome_and_keeps_its_bytes(kind: str) -> None:
    body, status, outcome = REPLIES[kind]
    reply = one(answering(body, status))
    assert reply.completion.outcome is outcome
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert reply.raw == raw.replace(SECRET.encode(), b"[secret]")
    assert SECRET not in f"{reply} {reply.error}"
    assert reply.completion.text.strip() == "" or outcome.has_text


def test_thinking_is_taken_off_the_text_and_kept_in_the_bytes() -> None:
    reply = one(answering(said("<think>An apple? Yes.</think>\n\nAn apple.")))
    assert reply.completion.text == "An apple."
    assert b"<think>" in reply.raw


def test_a_cut_connection_and_a_silent_server_are_failures_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"choices"')
        assert request.transport is not None
        request.transport.close()
        return response

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert one(cut).completion.outcome is Outcome.FAILED
    assert one(short).completion.outcome is Outcome.FAILED
    client = openai_compatible.Client
    monkeypatch.setattr(openai_compatible, "Client", lambda **k: client(**k, limits=Limits(total=0.3)))
    assert one(silent).completion.outcome is Outcome.TIMED_OUT


def test_too_large_a_reply_is_malformed_and_bounded() -> None:
    reply = one(answering(b"x" * (9 << 20)))
    assert reply.completion.outcome is Outcome.MALFORMED
    assert len(reply.raw) == 8 << 20


@pytest.mark.parametrize(
    ("asked", "seconds"), [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
def test_retry_after_is_read_as_seconds_and_never_as_less_than_none(asked: str, seconds: float) -> None:
    assert retry_after({"retry-after": asked}) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    asked = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    found = retry_after({"Retry-After": asked})
    assert found is not None
    assert 60 < found <= 90


@pytest.mark.parametrize("absurd", ["", "soon", "nan", "inf", "1e999"])
def test_an_absurd_retry_after_is_no_retry_after(absurd: str) -> None:
    assert retry_after({"Retry-After": absurd}) is None


def test_calls_go_out_side_by_side() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.json_response(said())

    calls = [dataclasses.replace(CHAT, sample=i) for i in range(32)]
    with serving(slow) as server:
        began = asyncio.new_event_loop()
        started = began.time()
        replies = send(server, *calls)
        took = began.time() - started
        began.close()
    assert sorted(r.call.sample for r in replies) == list(range(32))
    assert took < 2.0, "32 calls of 0.2 s, 16 at a time, take 0.4 s; one after the other 6.4 s"


def test_a_check_sends_no_probe_and_says_what_is_wrong() -> None:
    adapter = registry.load(PACKAGE, "openai-compatible")
    with serving(answering({"data": [{"id": "asked-1"}]})) as server:
        target = Target(server.url, "asked-1", SECRET, (server.host,))
        assert adapter.check(target)["model_listed"] == "true"
        assert [(m, p) for m, p, _, _ in server.seen] == [("GET", "/v1/models")]
        with pytest.raises(OutboundRefused):
            adapter.check(dataclasses.replace(target, private_hosts=()))
    with serving(answering({}, 401)) as server, pytest.raises(AdapterError, match="refuses the key"):
        adapter.check(Target(server.url, "asked-1", SECRET, (server.host,)))
