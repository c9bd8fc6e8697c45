"""One contract for every network adapter: OpenAI's and Anthropic's protocol against a real llama.cpp server.

For Gemini's protocol no server runs here: the same contract meets a server of ours that speaks it as documented.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Call, Reply, Target
from forensics.connection import GOOD, UNKNOWN, examine
from forensics.records import GenerationConfig, Message, Outcome, Prompt
from forensics.zoo.build import write_member
from forensics.zoo.members import WEIGHTS, members
from forensics.zoo.tokenizing import SPECIALS
from tests.forensics.wires import WIRES, stream
from tests.helpers.llama_server import NAME, serving_member
from tests.helpers.serving import serving

pytestmark = pytest.mark.zoo

MEMBER = "alder-chat"
ASK = Prompt.chat("ask", "Who are you?")
TEXT = Prompt.raw("text", "Return the list of")
WAYS = [(name, streamed) for name in WIRES for streamed in (False, True)]


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a real llama.cpp server."""
    with serving_member(MEMBER, tmp_path_factory.mktemp("llama")) as url:
        yield url


@pytest.fixture(scope="module")
def documented() -> Iterator[str]:
    """The base URL of a server that answers generateContent as its documentation says."""

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = (await request.json())["generationConfig"]
        words = ["Happy", "to", "help", "you"]
        said, short = " ".join(words[: asked["maxOutputTokens"]]), asked["maxOutputTokens"] < len(words)
        wire, end = WIRES["gemini"], "length" if short else "stop"
        if ":streamGenerateContent" in request.path:
            return web.Response(body=stream(wire.pieces(said, end)), content_type="text/event-stream")
        return web.json_response(wire.said(said, end))

    with serving(handle) as server:
        yield server.url


@pytest.fixture
def urls(llama: str, documented: str) -> dict[str, str]:
    """Adapter to the server that it meets here."""
    return {"openai-compatible": llama, "anthropic": llama, "gemini": documented}


def ask(url: str, name: str, *calls: Call, **more: Any) -> list[Reply]:
    """The adapter's replies in the order of the calls."""
    adapter: Any = registry.load(PACKAGE, name)
    target = Target(url, NAME, "sk-a-long-secret", (url.split("/")[2],), **more)
    with adapter.open(target) as session:
        return sorted(session.send(calls), key=lambda reply: calls.index(reply.call))


def call(prompt: Prompt, sample: int = 0, **config: Any) -> Call:
    """A short greedy call, unless told otherwise."""
    return Call(prompt, sample, GenerationConfig(**{"max_tokens": 3} | config))


@pytest.mark.parametrize(("name", "streamed"), WAYS)
def test_every_adapter_keeps_the_contract(urls: dict[str, str], name: str, streamed: bool) -> None:
    turns = (Message("system", "Be brief."), Message("user", "Hello"), Message("assistant", "Hi"), *ASK.messages)
    calls = [call(ASK), call(ASK, 1), call(Prompt("turns", turns), max_tokens=2)]
    replies = ask(urls[name], name, *calls, stream=streamed)
    for reply, asked in zip(replies, calls, strict=True):
        done = reply.completion
        assert (done.outcome, done.prompt_id, done.sample) == (Outcome.TRUNCATED, asked.prompt.prompt_id, asked.sample)
        assert done.text
        assert done.prompt_tokens
        assert done.completion_tokens in (asked.config.max_tokens, 3)
        assert (reply.status, reply.sent, reply.error) == (200, True, "")
        assert reply.returned_model in (NAME, "served-1")
        assert (json.loads(reply.request).get("stream", streamed), b"sk-a-long" in reply.request) == (streamed, False)
        assert reply.raw.startswith(b"data: " if streamed and name != "anthropic" else b"event" if streamed else b"{")
        assert reply.headers["content-type"].startswith("text/event-stream" if streamed else "application/json")
        assert 0 < reply.elapsed < 20
    assert replies[0].completion.text == replies[1].completion.text, "greedy replies are the same"


@pytest.mark.parametrize("name", WIRES)
def test_streaming_changes_no_completion(urls: dict[str, str], name: str) -> None:
    asked = [call(ASK, top_logprobs=4), *([call(TEXT, top_logprobs=4)] if name == "openai-compatible" else [])]
    whole, streamed = (ask(urls[name], name, *asked, stream=way, preset=preset(name)) for way in (False, True))
    for one, other in zip(whole, streamed, strict=True):
        assert one.completion.text == other.completion.text
        assert one.completion.completion_tokens == other.completion.completion_tokens
        assert rounded(one) == rounded(other)


def preset(name: str) -> str:
    """What the real server's own ways are called, where the adapter knows any."""
    return "llamacpp" if name == "openai-compatible" else "generic"


def rounded(reply: Reply) -> list[tuple[str, float]]:
    """The first distribution to four digits."""
    return [(token, round(logp, 4)) for told in reply.completion.next_tokens for token, logp in told.top]


def test_the_protocols_of_one_server_give_one_greedy_reply(llama: str) -> None:
    chat, message = (ask(llama, name, call(ASK, max_tokens=12))[0] for name in ("openai-compatible", "anthropic"))
    assert chat.completion.text == message.completion.text
    assert chat.completion.prompt_tokens == message.completion.prompt_tokens


def test_a_seed_decides_a_sampled_reply_and_n_gives_as_many(llama: str) -> None:
    drawn = {"temperature": 1.0, "max_tokens": 24}
    calls = [call(ASK, i, seed=seed, **drawn) for i, seed in enumerate((7, 7, 8, 9))]
    texts = [reply.completion.text for reply in ask(llama, "openai-compatible", *calls, preset="llamacpp")]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 3
    for prompt in (ASK, TEXT):
        (several,) = ask(llama, "openai-compatible", call(prompt, samples=3, **drawn), preset="llamacpp")
        assert [c.sample for c in (several.completion, *several.others)] == [0, 1, 2]
        assert len({c.text for c in (several.completion, *several.others)}) == 3


@pytest.mark.parametrize("prompt", [ASK, TEXT], ids=["chat", "raw text"])
def test_next_token_probabilities_are_those_of_transformers_on_the_same_weights(
    llama: str, tmp_path: Path, prompt: Prompt
) -> None:
    write_member(members()[MEMBER], tmp_path / MEMBER, WEIGHTS, members())
    served = dict(ask(llama, "openai-compatible", call(prompt, top_logprobs=10))[0].completion.next_tokens[0].top)
    own: Any = registry.load(PACKAGE, "huggingface")
    with own.open(Target(str(tmp_path / MEMBER), MEMBER)) as session:
        (reply,) = session.send([call(prompt, top_logprobs=10)])
    # Ours tells several places of a raw prompt, the server what comes after all of it, special tokens without a text.
    told = {("" if token in SPECIALS else token): p for token, p in reply.completion.next_tokens[-1].top}
    assert served.keys() == told.keys()
    assert max(abs(served[token] - told[token]) for token in served) < 1e-3, (
        "llama.cpp keeps its cache in half precision"
    )
    assert math.fsum(map(math.exp, served.values())) < 1


def test_a_real_server_reports_its_errors_as_failures(llama: str) -> None:
    too_long = dataclasses.replace(call(ASK), prompt=Prompt.chat("long", "word " * 9000))
    for name in ("openai-compatible", "anthropic"):
        (reply,) = ask(llama, name, too_long)
        assert (reply.completion.outcome, reply.status) == (Outcome.FAILED, 400), reply.error
        assert reply.raw


@pytest.mark.parametrize("name", ["openai-compatible", "anthropic"])
def test_a_real_server_lists_its_model(llama: str, name: str) -> None:
    adapter: Any = registry.load(PACKAGE, name)
    told = adapter.check(Target(llama, NAME, "", (llama.split("/")[2],)))
    assert (told["model_listed"], told["models_status"]) == ("true", "200")


def test_a_connection_to_a_real_server_is_told_part_by_part(llama: str) -> None:
    target = Target(llama, NAME, "", (llama.split("/")[2],), preset="llamacpp")
    report = examine(registry.load(PACKAGE, "openai-compatible"), target)
    found = {finding.name: (finding.state, finding.told) for finding in report.findings}
    assert {state for state, _ in found.values()} == {GOOD}, found
    assert found["name"][1].startswith("127.0.0.1 is 127.0.0.1 (")
    assert found["model"][1] == f"listed; replies name {NAME}"
    assert found["log-probabilities"][1] == "given: 5 where 5 were asked for"
    assert len(report.calls) == 9
    message = examine(registry.load(PACKAGE, "anthropic"), dataclasses.replace(target, preset="generic"))
    states = {finding.name: finding.state for finding in message.findings}
    assert (states["temperature"], states["key"], states["usage"]) == (GOOD, GOOD, GOOD)
    assert {states[name] for name in ("seed", "n", "log-probabilities", "raw text")} == {UNKNOWN}
    assert len(message.calls) == 5
