"""The only door to the network: one guarded client. It sends where an analyst may, and nowhere else.

A host is resolved once and pinned. Addresses that are not public (loopback, private, carrier-grade NAT, link-local,
multicast, and the same ones dressed up as IPv6) are refused unless the administrator's allow-list names the host;
link-local and cloud metadata addresses are refused always. No redirects, no proxies, no cookies, bounded replies.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from forensics.errors import AdapterError, OutboundRefused

Address = IPv4Address | IPv6Address
DEFAULT_PORTS = {"http": 80, "https": 443}
PUBLIC_PORTS = frozenset({80, 443, 8000, 8080, 8443})
SIZE_LIMIT = 8 * 1024 * 1024
CHUNK = 64 * 1024
METADATA = frozenset(
    ipaddress.ip_address(a)
    for a in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Not globally reachable by IANA's registries, though Python calls them global.
NOT_GLOBAL = tuple(ipaddress.ip_network(n) for n in ("192.0.0.0/24", "192.88.99.0/24", "fec0::/10"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent. `raw` is the bytes on the wire; `body` is the same unpacked from any content encoding."""

    status: int
    headers: Mapping[str, str]
    raw: bytes
    body: bytes
    elapsed: float
    first: float = 0.0
    """Seconds until the headers were there; `elapsed` counts until the last byte."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: seconds to connect, between pieces, in all; bytes of a reply, packed or unpacked."""

    connect: float = 10.0
    read: float = 60.0
    total: float = 180.0
    size: int = SIZE_LIMIT


class Cut(AdapterError):
    """An answer that did not come whole or cannot be unpacked. What came is in `answer`, for the evidence."""

    def __init__(self, message: str, raw: bytes) -> None:
        super().__init__(message)
        self.answer = Answer(0, {}, raw, b"", 0.0)


class TooLarge(Cut):
    """It is larger than the limit, and was cut there."""

    def __init__(self, limit: int, raw: bytes) -> None:
        super().__init__(f"the reply is larger than {limit} bytes and was cut off there", raw)


class TooSlow(Cut):
    """It began, and did not end in time."""


class BrokenOff(Cut):
    """The connection ended before the answer did."""


class NotUnpacked(Cut):
    """Its content encoding is false, or was not asked for."""


def embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    return inner or address


def why_refused(address: Address, *, allowed_private: bool) -> str:
    """Why nothing is sent to this address, or '' where it may be."""
    inner = embedded(address)
    if inner in METADATA or inner.is_link_local:
        return "it is a link-local or cloud metadata address, which is never allowed"
    if inner.is_multicast or inner.is_unspecified:
        return "it is not an address of one host"
    if not allowed_private and (not inner.is_global or inner.is_reserved or any(inner in net for net in NOT_GLOBAL)):
        return "it is not a public address and the administrator's allow-list of private hosts does not name it"
    return ""


@dataclass
class Guard(AbstractResolver):
    """Decides where to send, and resolves each host once."""

    private_hosts: Sequence[str] = ()
    pinned: dict[tuple[str, int], list[Address]] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)

    def allows_private(self, host: str, port: int) -> bool:
        """Whether the allow-list names this host, or this host and port."""
        named = {entry.strip().lower() for entry in self.private_hosts}
        shown = f"[{host}]" if ":" in host else host
        return bool({host, shown, f"{shown}:{port}"} & named)

    def split(self, url: str) -> tuple[SplitResult, str, int]:
        """The parts, host and port of an acceptable URL; raises OutboundRefused."""
        try:
            parts = urlsplit(url)
            port = DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
        except ValueError as problem:
            raise OutboundRefused(f"not an address: {problem}; nothing was sent") from None
        host = (parts.hostname or "").lower().rstrip(".")
        if parts.scheme not in DEFAULT_PORTS or not host:
            raise OutboundRefused("only http and https addresses with a host are sent to; nothing was sent")
        if parts.username is not None or parts.password is not None:
            raise OutboundRefused("an address must not hold a user name or password; nothing was sent")
        if port not in PUBLIC_PORTS and not self.allows_private(host, port):
            raise OutboundRefused(f"port {port} is not among {sorted(PUBLIC_PORTS)}; nothing was sent to {host}")
        return parts, host, port

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The pinned addresses of a host, every one of them acceptable; raises OutboundRefused or AdapterError."""
        if (host, port) not in self.pinned:
            found = await _look_up(host, port)
            for address in found:
                if why := why_refused(address, allowed_private=self.allows_private(host, port)):
                    raise OutboundRefused(f"{host} is {address}: {why}; nothing was sent")
            self.pinned[host, port] = found
        return self.pinned[host, port]

    async def admit(self, url: str) -> None:
        """Nothing, where a request may go to this URL; raises what `split` and `addresses` raise. A URL is judged once,
        since what it leads to is pinned."""
        if url not in self.judged:
            _, host, port = self.split(url)
            # aiohttp does not ask the resolver about a literal address, so every host is judged here first.
            await self.addresses(host, port)
            self.judged.add(url)

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - aiohttp names it
    ) -> list[ResolveResult]:
        """What aiohttp connects to: the pinned addresses."""
        return [_result(host, port, address) for address in await self.addresses(host.lower().rstrip("."), port)]

    async def close(self) -> None:
        """Nothing is held open."""


def _result(host: str, port: int, address: Address) -> ResolveResult:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return ResolveResult(
        hostname=host, host=str(address), port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )


async def _look_up(host: str, port: int) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise AdapterError(f"{host} cannot be resolved: {problem}; nothing was sent") from None
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in rows]


class Client:
    """The guarded client, as an async context manager. One per session: its connections are kept and shared."""

    def __init__(
        self, *, private_hosts: Sequence[str] = (), connections: int = 16, limits: Limits | None = None
    ) -> None:
        self._guard = Guard(private_hosts)
        self._connections, self._limits = connections, limits or Limits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        connector = aiohttp.TCPConnector(resolver=self._guard, use_dns_cache=False, limit=self._connections)
        limits = self._limits
        timeout = aiohttp.ClientTimeout(total=limits.total, sock_connect=limits.connect, sock_read=limits.read)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={"User-Agent": "filiation", "Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """The server's answer, whatever its status; a redirect is an answer like any other.

        Raises OutboundRefused before anything is sent, TimeoutError where nothing came in time, Cut where something
        did, or AdapterError where no answer came.
        """
        if self._session is None:
            raise RuntimeError("the client is used inside its async with block")
        await self._guard.admit(url)
        began = time.perf_counter()
        try:
            async with self._session.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                return await _whole(answer, self._limits.size, began)
        except TimeoutError:  # before aiohttp's own errors, some of which are timeouts too
            raise TimeoutError(f"no answer from {_host(url)} in time") from None
        except aiohttp.ClientError as problem:
            raise AdapterError(f"no answer from {_host(url)}: {type(problem).__name__}: {problem}") from problem
        except ValueError as problem:
            # A secret or an address that holds a line break: aiohttp refuses to write it.
            raise AdapterError(
                f"the request to {_host(url)} cannot be written: {problem}; nothing was sent"
            ) from problem


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


async def _whole(answer: aiohttp.ClientResponse, limit: int, began: float) -> Answer:
    first = time.perf_counter() - began
    try:
        raw = await _read(answer, limit)
        plain = unpack(raw, answer.headers.get("Content-Encoding", ""), limit)
    except Cut as problem:
        elapsed = time.perf_counter() - began
        problem.answer = Answer(answer.status, dict(answer.headers), problem.answer.raw, b"", elapsed, first)
        raise
    return Answer(answer.status, dict(answer.headers), raw, plain, time.perf_counter() - began, first)


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in answer.content.iter_chunked(CHUNK):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                answer.close()
                raise TooLarge(limit, b"".join(pieces)[:limit])
    except TimeoutError:
        raise TooSlow("the reply began and did not end in time", b"".join(pieces)) from None
    except aiohttp.ClientError as problem:
        raise BrokenOff(f"the reply broke off: {type(problem).__name__}", b"".join(pieces)) from problem
    return b"".join(pieces)


async def look_up(url: str, private_hosts: Sequence[str] = ()) -> tuple[str, list[str], float]:
    """A URL's host, its acceptable addresses and the seconds that finding them took; sends no request.

    Raises OutboundRefused, or AdapterError where the name cannot be resolved.
    """
    guard = Guard(private_hosts)
    _, host, port = guard.split(url)
    began = time.perf_counter()
    found = await guard.addresses(host, port)
    return host, [str(address) for address in found], time.perf_counter() - began


def unpack(raw: bytes, encoding: str, limit: int = SIZE_LIMIT) -> bytes:
    """The bytes inside a gzip or deflate body, read no further than the limit; raises TooLarge or NotUnpacked."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return raw
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise NotUnpacked(f"the reply is packed as {encoding!r}, which was not asked for", raw)
    unpacker: Any = zlib.decompressobj(wbits=47)
    try:
        plain: bytes = unpacker.decompress(raw, limit + 1)
    except zlib.error as problem:
        raise NotUnpacked(f"the reply says {encoding} and is not: {problem}", raw) from None
    if len(plain) > limit:
        raise TooLarge(limit, raw)
    return plain
