"""A server on loopback that answers every chat call after the same time: ``python -m benchmarks._latent_server MS``.

It prints its port and serves until its input ends. ``GET /tally`` tells what it has served since it was last asked:
how many calls, how long from the first to arrive until the last was answered, the most at once, the seconds of
processor time that this took. It speaks no more HTTP than that, so that it leaves the cores to what is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

TEXT = "A reply of some length, as a model gives it when it is asked an open question and has room to answer. " * 4
REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 84, "total_tokens": 96},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r1\r\ncontent-length: %d\r\n\r\n"


class Tally:
    """What was served since the last look."""

    def __init__(self) -> None:
        self.calls = self.now = self.most = 0
        self.first = self.last = 0.0
        self.cpu = time.process_time()

    def came(self) -> None:
        """A call has arrived."""
        self.first = self.first or time.perf_counter()
        self.now += 1
        self.most = max(self.most, self.now)

    def went(self) -> None:
        """Its answer has been written."""
        self.now -= 1
        self.calls += 1
        self.last = time.perf_counter()

    def told(self) -> bytes:
        """The same as JSON."""
        cpu = time.process_time() - self.cpu
        return json.dumps(
            {"calls": self.calls, "seconds": self.last - self.first, "most": self.most, "cpu": cpu}
        ).encode()


class Server(asyncio.Protocol):
    """One connection, kept alive, with one call at a time."""

    tally = Tally()
    seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connects."""
        self._transport, self._came = transport, b""

    def data_received(self, data: bytes) -> None:
        """A call is whole once its body is as long as it said."""
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._came = b""
        if head.startswith(b"GET /tally"):
            told, Server.tally = Server.tally.told(), Tally()
            self._write(told)
        else:
            Server.tally.came()
            asyncio.get_running_loop().call_later(self.seconds, self._answer)

    def _answer(self) -> None:
        Server.tally.went()
        self._write(REPLY)

    def _write(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEAD % len(body) + body)  # type: ignore[attr-defined]


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


async def main(milliseconds: float) -> None:
    """Serve until the input ends."""
    Server.seconds = milliseconds / 1000
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Server, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
