"""What every HTTP adapter shares: sending side by side, pacing, evidence, and what becomes of a call without an answer.

An adapter is a thin mapping on top: which request a call makes (`request_of`), with which headers (`headers`), and what
a reply says (`completed`, and `assembled` where it comes piece by piece).
"""

from __future__ import annotations

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from forensics.adapters import UNPACED, Call, Held, Kept, Pacer, Reply, Target
from forensics.adapters._presets import GENERIC, Preset
from forensics.adapters._replies import (
    UNREADABLE,
    Reading,
    error_of,
    failed,
    headers_kept,
    malformed,
    plain_of,
    retry_after,
    without_text,
)
from forensics.adapters._secrets import Scrubber
from forensics.adapters._stream import events, is_stream
from forensics.errors import AdapterError, BadInput, OutboundRefused
from forensics.outbound import Answer, BrokenOff, Client, Cut, Limits, TooSlow, unpack
from forensics.records import Completion, Declaration, Outcome

AT_ONCE, AT_ONCE_UNPACED = 64, 16
"""Calls under way in one session; a pacer decides how many of them really are."""
PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
"""How gzip and deflate begin; no JSON and no event does."""
CHECK_LIMITS = Limits(connect=5.0, read=10.0, total=15.0, size=2 * 1024 * 1024)


class NotOffered(Exception):
    """Raised by a mapping: this protocol, or this server, has no request for such a call."""


class Endpoint(ABC):
    """Base of the HTTP adapters. `offers` names the parameters that the protocol has."""

    queue = "api"
    declaration: Declaration
    protocol: str
    offers: frozenset[str]
    presets: Mapping[str, Preset] = {}

    @abstractmethod
    def headers(self, target: Target) -> Mapping[str, str]:
        """The headers of every request, the secret among them."""

    @abstractmethod
    def request_of(self, call: Call, target: Target) -> tuple[str, dict[str, Any]]:
        """The path below the base URL and the JSON body for one call; raises NotOffered."""

    @abstractmethod
    def assembled(self, pieces: Iterable[Any]) -> Mapping[str, Any]:
        """A streamed reply as the reply that it would have been in one piece; raises ValueError where it is cut."""

    @abstractmethod
    def completed(self, call: Call, plain: Any) -> Reading:
        """What the JSON of a reply with status 200 says; raises what is UNREADABLE where it is of another shape."""

    def asked_to_wait(self, _error: Mapping[str, Any], answer: Answer) -> float | None:
        """Seconds that an answer which reports a failure asks for."""
        return retry_after(answer.headers)

    def read(self, call: Call, answer: Answer, target: Target) -> Reading:
        """What an answer says, in one piece or streamed. Never raises: what cannot be understood is malformed."""
        if answer.status != 200:
            error = error_of(plain_of(answer.body))
            return failed(call, answer.status, error, self.asked_to_wait(error, answer))
        try:
            streamed = target.stream and is_stream(answer)
            plain = self.assembled(events(answer.body)) if streamed else json.loads(answer.body)
            return self.completed(call, plain)
        except UNREADABLE as problem:
            return malformed(call, repr(problem))

    def reread(self, call: Call, kept: Kept, target: Target) -> Completion:
        """What the kept bytes say. A body that was packed on the wire shows it by its first bytes."""
        try:
            body = unpack(kept.raw, "gzip" if kept.raw.startswith(PACKED) else "")
        except Cut as problem:
            return malformed(call, problem).completion
        return self.read(call, Answer(kept.status or 0, kept.headers, kept.raw, body, 0.0), target).completion

    def offered(self, target: Target) -> frozenset[str]:
        """Which of temperature, seed, n, logprobs and raw are sent to this target at all; raises BadInput."""
        if target.preset != GENERIC:
            raise BadInput(f"{self.declaration.title} has no presets, so {target.preset!r} is none")
        return self.offers

    def models_path(self, _target: Target) -> str:
        """What is asked for the models that the endpoint lists."""
        return "/models"

    def lists(self, answer: Answer, target: Target) -> bool | None:
        """Whether the answer lists the model; None where it is no list."""
        try:
            return target.model in {str(row["id"]) for row in json.loads(answer.body)["data"]}
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    def refuses_key(self, answer: Answer) -> bool:
        """Whether the answer turns the secret away."""
        return answer.status in (401, 403)

    def check(self, target: Target) -> Mapping[str, str]:
        """Kind, and whether the endpoint lists the model. Raises AdapterError or BadInput, having sent no probe."""
        if not target.model:
            raise BadInput("an endpoint needs the name of the model there")
        self.offered(target)
        answer = asyncio.run(self._models(target))
        if self.refuses_key(answer):
            raise AdapterError(f"the endpoint refuses the key (status {answer.status}); nothing was stored")
        listed = self.lists(answer, target)
        known = "not listed by the endpoint" if listed is None else str(listed).lower()
        told = {"kind": "endpoint", "protocol": self.protocol, "models_status": str(answer.status)}
        return told | {"model_listed": known, "latency_ms": f"{answer.elapsed * 1000:.0f}"}

    async def _models(self, target: Target) -> Answer:
        url = target.location.rstrip("/") + self.models_path(target)
        async with Client(private_hosts=target.private_hosts, limits=CHECK_LIMITS) as client:
            try:
                return await client.request("GET", url, headers=self.headers(target))
            except (TimeoutError, TooSlow):
                raise AdapterError(f"{target.location} did not answer within {CHECK_LIMITS.total:.0f} s") from None

    @contextmanager
    def open(
        self, target: Target, pacer: Pacer = UNPACED, *, limits: Limits | None = None
    ) -> Iterator[EndpointSession]:
        """Connections that last as long as the block."""
        limits = limits or Limits(read=target.silence, total=target.patience)
        with asyncio.Runner() as runner:
            client = Client(private_hosts=target.private_hosts, connections=AT_ONCE, limits=limits)
            runner.run(_entered(client))
            try:
                yield EndpointSession(self, target, pacer, runner, client)
            finally:
                runner.run(_left(client))


def _entered(client: Client) -> Coroutine[Any, Any, Client]:
    return client.__aenter__()


def _left(client: Client) -> Coroutine[Any, Any, None]:
    return client.__aexit__(None, None, None)


class EndpointSession:
    """An open endpoint. Calls go out side by side, in the caller's thread, each when the pacer lets it."""

    tokenizer = ""

    def __init__(self, mapping: Endpoint, target: Target, pacer: Pacer, runner: asyncio.Runner, client: Client) -> None:
        self._mapping, self._target, self._pacer = mapping, target, pacer
        self._runner, self._client, self._scrub = runner, client, Scrubber(target.secret)
        self._at_once = AT_ONCE_UNPACED if pacer is UNPACED else AT_ONCE

    def send(self, calls: Iterable[Call]) -> Iterator[Reply]:
        """One reply per call, as they come in. A call is asked for when there is room for it."""
        loop, feed = self._runner.get_loop(), iter(calls)
        under_way: set[asyncio.Task[Reply]] = set()
        came: deque[asyncio.Task[Reply]] = deque()

        def note(task: asyncio.Task[Reply]) -> None:
            under_way.discard(task)
            came.append(task)
            loop.stop()

        try:
            while True:
                for call in islice(feed, self._at_once - len(under_way)):
                    task = loop.create_task(self._one(call))
                    under_way.add(task)
                    task.add_done_callback(note)
                if not under_way:
                    return
                loop.run_forever()
                while came:
                    yield came.popleft().result()
        finally:
            for task in under_way:
                task.remove_done_callback(note)
                task.cancel()
            if under_way:
                loop.run_until_complete(asyncio.gather(*under_way, return_exceptions=True))

    async def _one(self, call: Call) -> Reply:
        try:
            path, body = self._mapping.request_of(call, self._target)
        except NotOffered as why:
            # Gone, in HTTP's words: asking again would not help, and other calls may well be answered.
            reading = without_text(call, Outcome.FAILED, f"nothing was sent: {why}")
            return Reply(call, reading.completion, error=reading.error, status=410)
        request = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        try:
            async with self._pacer.slot(call):
                reply = await self._exchange(call, path, request)
        except Held as held:
            reading = without_text(call, Outcome.THROTTLED, held.why)
            return Reply(call, reading.completion, error=reading.error, retry_after=held.seconds, sent=False)
        await self._pacer.saw(reply)
        return reply

    async def _exchange(self, call: Call, path: str, request: bytes) -> Reply:
        url = self._target.location.rstrip("/") + path
        told = self._scrub.text(url)
        began = time.perf_counter()
        try:
            answer = await self._client.request("POST", url, headers=self._mapping.headers(self._target), body=request)
        except OutboundRefused:
            raise
        except Cut as problem:
            answer = self._scrub.answer(problem.answer)
            return self._reply(call, told, request, answer, self._of_cut(call, answer, problem))
        except (TimeoutError, AdapterError) as problem:
            outcome = Outcome.TIMED_OUT if isinstance(problem, TimeoutError) else Outcome.FAILED
            reading = without_text(call, outcome, self._scrub.text(str(problem)))
            elapsed = time.perf_counter() - began
            return Reply(call, reading.completion, request, elapsed=elapsed, error=reading.error, url=told)
        answer = self._scrub.answer(answer)
        return self._reply(call, told, request, answer, self._mapping.read(call, answer, self._target))

    def _of_cut(self, call: Call, answer: Answer, problem: Cut) -> Reading:
        """A lost connection can be tried again; a reply too large or falsely packed would come again."""
        if isinstance(problem, TooSlow):
            return without_text(call, Outcome.TIMED_OUT, str(problem), retry_after(answer.headers))
        if isinstance(problem, BrokenOff):
            return without_text(call, Outcome.FAILED, str(problem), retry_after(answer.headers))
        return malformed(call, problem)

    def _reply(self, call: Call, url: str, request: bytes, answer: Answer, reading: Reading) -> Reply:
        asked = reading.retry_after
        return Reply(
            call,
            reading.completion,
            request,
            answer.raw,
            headers_kept(answer.headers),
            answer.status,
            answer.elapsed,
            reading.returned_model,
            reading.system_fingerprint,
            reading.error,
            retry_after(answer.headers) if asked is None else asked,
            url=url,
            provider=reading.provider,
            others=reading.others,
        )
