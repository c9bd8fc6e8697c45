"""A test of a connection tells apart what is wrong, and warns of every parameter that a server drops silently."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from aiohttp import web

from forensics import registry
from forensics.adapters import PACKAGE, Target
from forensics.connection import FAILED, GOOD, UNKNOWN, WARNING, Report, examine, planned
from forensics.errors import BadInput
from tests.helpers.pretending import KEY, pretending
from tests.helpers.serving import Handler, Served, serving

ADAPTER: Any = registry.load(PACKAGE, "openai-compatible")


def examined(handler: Handler, secret: str = KEY, **more: Any) -> tuple[dict[str, tuple[str, str]], Report, Served]:
    """Finding by name, the whole report, and what the server saw."""
    with serving(handler) as server:
        report = examine(ADAPTER, Target(server.url, "asked-1", secret, (server.host,), **more))
    return {f.name: (f.state, f.told) for f in report.findings}, report, server


def test_a_server_that_obeys_everything_is_found_sound() -> None:
    found, report, server = examined(pretending())
    assert {state for state, _ in found.values()} == {GOOD}, found
    names = ["name", "key", "model", "latency", "temperature", "seed", "n", "log-probabilities", "raw text", "usage"]
    assert list(found) == names
    assert len([method for method, *_ in server.seen if method == "POST"]) == len(report.calls) == 9
    assert planned(ADAPTER, Target(server.url, "asked-1")) == 9
    assert all(len(call["raw_sha256"]) == len(call["request_sha256"]) == 64 for call in report.calls)


@pytest.mark.parametrize(
    ("ignored", "name", "state", "told"),
    [
        ("temperature", "temperature", WARNING, "ignored, or replies come from a cache"),
        ("temperature", "seed", UNKNOWN, "cannot be told"),
        ("seed", "seed", WARNING, "silently ignored: one seed gave two texts"),
        ("n", "n", WARNING, "silently ignored: 1 came for 2"),
        ("logprobs", "log-probabilities", WARNING, "silently ignored"),
        ("usage", "usage", WARNING, "no tokens are counted"),
        ("limit", "usage", WARNING, "9000 tokens came where 64 were allowed"),
        ("model", "model", WARNING, "replies name other where asked-1 was asked for"),
        ("raw", "raw text", WARNING, "not to be had: status 404"),
    ],
)
def test_a_parameter_that_is_dropped_is_warned_of_and_no_other(ignored: str, name: str, state: str, told: str) -> None:
    found = examined(pretending(ignored))[0]
    assert found[name][0] == state
    assert told in found[name][1]
    others = {other for other, (kind, _) in found.items() if kind != GOOD} - {name}
    assert others <= ({"seed", "temperature"} if ignored == "temperature" else set())


def test_a_parameter_that_a_preset_does_not_send_is_not_judged() -> None:
    found, report, _ = examined(pretending(), preset="deepseek")
    assert {name: state for name, (state, _) in found.items() if state != GOOD} == dict.fromkeys(
        ["seed", "n", "raw text"], UNKNOWN
    )
    assert len(report.calls) == 6


def test_what_stands_behind_a_failure_is_not_tried() -> None:
    found, report, server = examined(pretending(), secret="sk-a-wrong-key")
    assert list(found) == ["name", "answer"]
    assert (found["answer"][0], report.calls) == (FAILED, ())
    assert [method for method, *_ in server.seen] == ["GET"]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
        closed = examine(ADAPTER, Target(f"http://{host}/v1", "m", "", (host,)))
    assert [(f.name, f.state) for f in closed.findings] == [("name", GOOD), ("answer", FAILED)]
    refused = examine(ADAPTER, Target("http://127.0.0.1/v1", "m"))
    assert [(f.name, f.state) for f in refused.findings] == [("name", FAILED)]
    assert "nothing was sent" in refused.findings[0].told


def test_a_key_that_opens_the_list_of_models_alone_is_found_out() -> None:
    handle = pretending()

    async def only_lists(request: Any) -> Any:
        if request.method == "GET":
            return await handle(request)
        return web.json_response({"error": {"message": f"no rights for {KEY}"}}, status=403)

    found, report, _ = examined(only_lists)
    assert found["key"][0] == FAILED
    assert (found["model"][0], found["latency"][0]) == (FAILED, UNKNOWN)
    assert KEY not in str(report)
    assert "temperature" not in found


def test_a_model_of_this_machine_has_no_connection() -> None:
    scripted = registry.load(PACKAGE, "scripted")
    assert planned(scripted, Target("x")) == 0
    with pytest.raises(BadInput, match="no connection to test"):
        examine(scripted, Target("x"))
