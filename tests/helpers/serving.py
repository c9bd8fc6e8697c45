"""A real HTTP server on loopback whose answers a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Served:
    """Where the server listens, and what it was sent: (method, path, headers, body) of each request."""

    port: int
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def host(self) -> str:
        """As an allow-list names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://{self.host}/v1"


@contextlib.contextmanager
def serving(handler: Handler) -> Iterator[Served]:
    """A server that runs in a thread for the length of the block."""
    loop = asyncio.new_event_loop()
    served = Served(0)

    async def note(request: web.Request) -> web.StreamResponse:
        served.seen.append((request.method, request.path, dict(request.headers), await request.read()))
        return await handler(request)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", note)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        served.port = runner.addresses[0][1]
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        asyncio.run_coroutine_threadsafe(_finish(runner), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _finish(runner: web.AppRunner) -> None:
    """Stop the server, and let the loop turn until its connections have heard of it.

    On a busy machine a connection may hear of it too late, and be called unclosed in some later test: it is cut. One
    that was accepted and has no transport yet would never get one from a server that is closed, and would be left
    open: nothing more is accepted first, and those under way are let in.
    """
    loop = asyncio.get_running_loop()
    for site in runner.sites:
        for listening in site._server.sockets:  # type: ignore[attr-defined, union-attr]
            loop.remove_reader(listening.fileno())
    await asyncio.sleep(0.01)
    await runner.cleanup()
    for transport in list(getattr(loop, "_transports", {}).values()):
        transport.abort()
    await asyncio.sleep(0.05)
