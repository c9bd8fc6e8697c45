"""The OpenAI protocol against a server on loopback: exact requests, what servers do in their own way, distributions."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Call, Reply, Target
from forensics.adapters._presets import PRESETS
from forensics.errors import AdapterError, BadInput, OutboundRefused
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


def send(server: Served, *calls: Call, **more: Any) -> list[Reply]:
    """The adapter's replies."""
    adapter = registry.load(PACKAGE, "openai-compatible")
    with adapter.open(Target(server.url, "asked-1", SECRET, (server.host,), **more)) as session:
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


def body_for(call: Call, **more: Any) -> dict[str, Any]:
    """The body that is sent for a call."""
    with serving(answering(said())) as server:
        send(server, call, **more)
        sent: dict[str, Any] = json.loads(server.seen[0][3])
        return sent


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sends_the_names_that_its_server_knows_and_no_others(name: str) -> None:
    preset, call = PRESETS[name], dataclasses.replace(CHAT, config=GenerationConfig(9, 0.7, seed=5, top_logprobs=50))
    body = body_for(call, preset=name)
    assert body[preset.limit_name] == 9
    assert {"max_tokens", "max_completion_tokens"} & body.keys() == {preset.limit_name}
    assert {"seed", "random_seed"} & body.keys() == ({preset.seed} if preset.seed else set())
    assert ("temperature" in body) == ("top_p" in body) == preset.sampling
    assert body.get("top_logprobs", 0) == (50 if preset.chat_logprobs is None else preset.chat_logprobs)
    assert {key: body[key] for key in preset.extra} == dict(preset.extra)


def test_these_servers_get_exactly_this() -> None:
    plain = {"model": "asked-1", "messages": [{"role": "user", "content": "Name a fruit, détail."}], "stream": False}
    drawn = {"temperature": 0.7, "top_p": 1.0}
    limit = {"max_tokens": 9}
    assert body_for(CHAT, preset="mistral") == plain | drawn | limit | {"random_seed": 5, "safe_prompt": False}
    routing = {"provider": {"allow_fallbacks": False}, "usage": {"include": True}}
    assert body_for(CHAT, preset="openrouter") == plain | drawn | limit | {"seed": 5} | routing
    assert body_for(CHAT, preset="gemini") == plain | drawn | limit
    assert body_for(CHAT, preset="openai-reasoning") == plain | {"max_completion_tokens": 9}
    neutral = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0, "cache_prompt": False}
    assert body_for(CHAT, preset="llamacpp") == plain | drawn | limit | {"seed": 5} | neutral


def test_a_stream_asks_for_its_usage_and_several_samples_for_n() -> None:
    assert body_for(CHAT, stream=True)["stream_options"] == {"include_usage": True}
    assert "stream_options" not in body_for(CHAT, stream=True, preset="mistral")
    several = dataclasses.replace(CHAT, config=GenerationConfig(samples=3))
    assert (body_for(several)["n"], "n" in body_for(CHAT)) == (3, False)


def test_all_the_completions_of_one_call_are_read() -> None:
    body = said()
    body["choices"].append({"index": 1, "message": {"content": "A pear."}, "finish_reason": "length"})
    reply = one(answering(body), dataclasses.replace(CHAT, config=GenerationConfig(samples=2)))
    assert (reply.completion.text, reply.completion.sample) == ("An apple.", 2)
    assert [(c.text, c.sample, c.outcome) for c in reply.others] == [("A pear.", 3, Outcome.TRUNCATED)]


def test_raw_text_is_not_sent_where_the_server_would_not_continue_it() -> None:
    with serving(answering(said())) as server:
        (reply,) = send(server, RAW, preset="ollama")
        assert server.seen == []
    assert (reply.completion.outcome, reply.status, reply.request) == (Outcome.FAILED, 410, b"")
    assert "nothing was sent" in reply.error


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    adapter = registry.load(PACKAGE, "openai-compatible")
    with pytest.raises(BadInput, match=r"known: generic, .*mistral"):
        adapter.check(Target("http://127.0.0.1:1/v1", "m", preset="mystery"))


def test_who_served_a_routed_call_is_kept() -> None:
    reply = one(answering(said() | {"provider": "Host A"}))
    assert (reply.provider, reply.url.rpartition("/v1/")[2]) == ("Host A", "chat/completions")


def test_thinking_is_taken_off_the_text_and_kept_in_the_bytes() -> None:
    reply = one(answering(said("<think>An apple? Yes.</think>\n\nAn apple.")))
    assert reply.completion.text == "An apple."
    assert b"<think>" in reply.raw


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
