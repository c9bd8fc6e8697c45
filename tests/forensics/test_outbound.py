"""The guarded client: where it refuses to send, and what it does with hostile answers."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket

import pytest
from aiohttp import web

from forensics.errors import AdapterError, OutboundRefused
from forensics.outbound import (
    Answer,
    BrokenOff,
    Client,
    Cut,
    Guard,
    Limits,
    NotUnpacked,
    TooLarge,
    TooSlow,
    look_up,
    unpack,
    why_refused,
)
from tests.helpers.serving import Handler, serving

NEVER_PUBLIC = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "100.64.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "fec0::1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "::1",
    "::",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]
ALWAYS_REFUSED = ["169.254.169.254", "169.254.0.1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "fe80::1"]
ALWAYS_REFUSED += ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"]


def fetch(url: str, *private: str, limits: Limits | None = None) -> Answer:
    """One GET."""

    async def run() -> Answer:
        async with Client(private_hosts=private, limits=limits) as client:
            return await client.request("GET", url)

    return asyncio.run(run())


@pytest.mark.parametrize("address", NEVER_PUBLIC)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert why_refused(ipaddress.ip_address(address), allowed_private=False)


@pytest.mark.parametrize("address", ALWAYS_REFUSED)
def test_link_local_and_metadata_addresses_are_refused_even_when_allowed(address: str) -> None:
    assert "never allowed" in why_refused(ipaddress.ip_address(address), allowed_private=True)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_not_refused(address: str) -> None:
    assert why_refused(ipaddress.ip_address(address), allowed_private=False) == ""


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http:///v1",
        "//example.org",
        "http://user:pass@example.org/",
        "http://example.org:22/",
        "http://example.org:99999/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_nothing_is_sent_to_addresses_an_analyst_may_not_reach(url: str) -> None:
    with pytest.raises(OutboundRefused, match="nothing was sent"):
        fetch(url)


def test_a_private_host_is_reached_only_when_the_list_names_it() -> None:
    with serving(reply(b"hello")) as server:
        assert fetch(f"{server.url}/x", server.host).body == b"hello"
        assert fetch(f"{server.url}/x", "127.0.0.1").body == b"hello"
        for listed in ("", "localhost", "127.0.0.1:1"):
            with pytest.raises(OutboundRefused):
                fetch(f"{server.url}/x", listed)
        assert len(server.seen) == 2


def test_a_name_is_resolved_once_so_that_it_cannot_turn_private_later(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in next(answers)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", rebinding)

    async def run() -> None:
        guard = Guard()
        for _ in range(2):
            assert [str(a) for a in await guard.addresses("example.org", 443)] == ["93.184.216.34"]
            assert [r["host"] for r in await guard.resolve("example.org", 443)] == ["93.184.216.34"]

    asyncio.run(run())


def test_one_private_address_among_public_ones_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    async def mixed(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", mixed)
    with pytest.raises(OutboundRefused, match=r"10\.0\.0\.1"):
        fetch("https://example.org/")


def reply(body: bytes, status: int = 200, **headers: str) -> Handler:
    """A handler with one answer."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return handle


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with serving(reply(b"", 302, Location="http://169.254.169.254/")) as server:
        assert fetch(server.url, server.host).status == 302
        assert len(server.seen) == 1


def endless(pause: float) -> Handler:
    """A handler that never stops sending."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * (1 if pause else 65536))
            await asyncio.sleep(pause)

    return handle


async def broken_off(request: web.Request) -> web.StreamResponse:
    """Promises a hundred bytes, sends five."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"begun")
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (endless(0.0), TooLarge),
        (endless(0.2), TooSlow),
        (reply(gzip.compress(bytes(300_000)), Content_Encoding="gzip"), TooLarge),
        (broken_off, BrokenOff),
        (reply(b"not gzip", Content_Encoding="gzip"), NotUnpacked),
        (reply(b"odd", Content_Encoding="br"), NotUnpacked),
    ],
    ids=["endless and fast", "endless and slow", "gzip bomb", "broken off", "false gzip", "unasked encoding"],
)
def test_hostile_answers_are_bounded_and_what_came_of_them_is_kept(handler: Handler, error: type[Cut]) -> None:
    limits = Limits(connect=1.0, read=0.5, total=1.0, size=200_000)
    with serving(handler) as server, pytest.raises(error) as caught:
        fetch(server.url, server.host, limits=limits)
    kept = caught.value.answer
    assert 0 < len(kept.raw) <= 200_000
    assert kept.status == 200
    assert 0 < kept.first <= kept.elapsed


def test_a_server_that_says_nothing_is_a_timeout_and_no_failure_of_the_connection() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(3)
        return web.Response()

    for limits in (Limits(total=0.3), Limits(read=0.3)):
        with serving(silent) as server, pytest.raises(TimeoutError):
            fetch(server.url, server.host, limits=limits)


def test_a_name_is_looked_up_without_a_request() -> None:
    with serving(reply(b"")) as server:
        host, addresses, seconds = asyncio.run(look_up(server.url, [server.host]))
        assert (host, addresses, server.seen) == ("127.0.0.1", ["127.0.0.1"], [])
    assert seconds < 1
    with pytest.raises(OutboundRefused):
        asyncio.run(look_up("http://localhost/"))


def test_packed_answers_keep_their_wire_bytes() -> None:
    packed = gzip.compress(b"hello")
    with serving(reply(packed, Content_Encoding="gzip")) as server:
        answer = fetch(server.url, server.host)
    assert (answer.raw, answer.body) == (packed, b"hello")
    assert unpack(b"plain", "identity") == b"plain"


def test_a_closed_port_is_an_adapter_error() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(AdapterError, match="no answer from"):
            fetch(f"http://{host}/", host)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(reply(b"direct")) as server:
        assert fetch(server.url, server.host).body == b"direct"


def test_a_header_that_would_break_the_line_is_refused_in_words() -> None:
    async def run(location: str) -> None:
        async with Client(private_hosts=["127.0.0.1"]) as client:
            await client.request("GET", location, headers={"Authorization": "Bearer a\nb"})

    with serving(reply(b"hello")) as server, pytest.raises(AdapterError, match="cannot be written") as caught:
        asyncio.run(run(f"{server.url}/x"))
    assert "Bearer" not in str(caught.value)


def test_port_0_is_not_taken_for_the_usual_port() -> None:
    with pytest.raises(OutboundRefused, match="port 0 is not among"):
        Guard().split("http://example.org:0/")
