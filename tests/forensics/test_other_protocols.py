"""The Messages API and generateContent on loopback: exact requests, and what a check says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Call, Reply, Target
from forensics.errors import AdapterError, BadInput
from forensics.records import GenerationConfig, Message, Mode, Outcome, Prompt
from tests.forensics.wires import SECRET, WIRES
from tests.helpers.serving import Served, serving

TURNS = (
    Message("system", "Be brief."),
    Message("user", "Hello"),
    Message("assistant", "Hi"),
    Message("user", "Fruit?"),
)
CALL = Call(Prompt("c", TURNS), 1, GenerationConfig(max_tokens=9, temperature=0.5, seed=5, top_logprobs=30))


def sent(name: str, call: Call = CALL, model: str = "asked-1", **more: Any) -> tuple[Served, Reply]:
    """What the server saw of one call, and the reply."""

    async def handle(_: web.Request) -> web.Response:
        return web.json_response(WIRES[name].said())

    with serving(handle) as server:
        adapter = registry.load(PACKAGE, name)
        with adapter.open(Target(server.url, model, SECRET, (server.host,), **more)) as session:
            return server, next(session.send([call]))


def test_a_message_sends_exactly_this() -> None:
    server, reply = sent("anthropic")
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/v1/messages")
    assert (headers["x-api-key"], headers["anthropic-version"]) == (SECRET, "2023-06-01")
    turns = '[{"role":"user","content":"Hello"},{"role":"assistant","content":"Hi"},{"role":"user","content":"Fruit?"}]'
    expected = (
        f'{{"model":"asked-1","max_tokens":9,"messages":{turns},"system":"Be brief.","temperature":0.5,"stream":false}}'
    )
    assert body == expected.encode() == reply.request
    assert (reply.completion.prompt_tokens, reply.completion.completion_tokens) == (7, 3)


def test_a_generation_sends_exactly_this_and_no_key_in_its_address() -> None:
    server, reply = sent("gemini")
    method, path, headers, body = server.seen[0]
    assert (method, path) == ("POST", "/v1/models/asked-1:generateContent")
    assert headers["x-goog-api-key"] == SECRET
    assert SECRET not in reply.url
    assert json.loads(body) == {
        "contents": [
            {"role": "user", "parts": [{"text": "Hello"}]},
            {"role": "model", "parts": [{"text": "Hi"}]},
            {"role": "user", "parts": [{"text": "Fruit?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "generationConfig": {
            "maxOutputTokens": 9,
            "temperature": 0.5,
            "topP": 1.0,
            "seed": 5,
            "responseLogprobs": True,
            "logprobs": 20,
        },
    }
    server, reply = sent("gemini", stream=True, model="tunedModels/mine")
    assert reply.url.endswith("/v1/tunedModels/mine:streamGenerateContent?alt=sse")


@pytest.mark.parametrize("model", ["../../v2/x", "a/../b", "x?key=1", "x#y", "x y", "%2e%2e"])
def test_a_models_name_cannot_lead_to_another_address(model: str) -> None:
    with pytest.raises(BadInput, match="no name of a model"):
        sent("gemini", model=model)


@pytest.mark.parametrize("name", ["anthropic", "gemini"])
def test_raw_text_is_not_sent(name: str) -> None:
    server, reply = sent(name, Call(Prompt("r", (Message("user", "Once"),), Mode.RAW), 0, GenerationConfig()))
    assert server.seen == []
    assert (reply.completion.outcome, reply.status) == (Outcome.FAILED, 410)


def test_generated_distributions_and_further_candidates_are_read() -> None:
    said = WIRES["gemini"].said()
    rows = [{"token": "B", "logProbability": -1.5}, {"token": "A", "logProbability": -0.5}]
    said["candidates"][0]["logprobsResult"] = {"topCandidates": [{"candidates": rows}]}
    said["candidates"].append({"content": {"parts": [{"text": "Pear"}]}, "finishReason": "STOP", "index": 1})

    async def handle(_: web.Request) -> web.Response:
        return web.json_response(said)

    with serving(handle) as server:
        adapter = registry.load(PACKAGE, "gemini")
        with adapter.open(Target(server.url, "m", "", (server.host,))) as session:
            reply = next(session.send([CALL]))
    assert reply.completion.next_tokens[0].top == (("A", -0.5), ("B", -1.5))
    assert [(c.text, c.sample) for c in reply.others] == [("Pear", 2)]


KEY_INVALID = {"error": {"code": 400, "message": "API key not valid", "details": [{"reason": "API_KEY_INVALID"}]}}


@pytest.mark.parametrize(
    ("name", "body", "status", "listed"),
    [
        ("anthropic", {"data": [{"id": "asked-1"}]}, 200, "true"),
        ("anthropic", {"data": [{"id": "other"}]}, 200, "false"),
        ("anthropic", {}, 404, "not listed by the endpoint"),
        ("gemini", {"name": "models/asked-1"}, 200, "true"),
        ("gemini", {}, 404, "false"),
        ("gemini", KEY_INVALID, 400, None),
        ("anthropic", {}, 401, None),
    ],
)
def test_a_check_sends_no_probe_and_tells_a_wrong_key(name: str, body: Any, status: int, listed: str | None) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    with serving(handle) as server:
        adapter, target = registry.load(PACKAGE, name), Target(server.url, "asked-1", SECRET, (server.host,))
        if listed is None:
            with pytest.raises(AdapterError, match="refuses the key"):
                adapter.check(target)
        else:
            assert adapter.check(target)["model_listed"] == listed
        assert [method for method, *_ in server.seen] == ["GET"]
