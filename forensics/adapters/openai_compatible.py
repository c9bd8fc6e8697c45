"""Models behind an OpenAI-compatible HTTP API: chat completions, and plain completions for raw text.

One call per sample (`n` is never used: servers drop it). The request's body and the reply's bytes are kept; what a
reply is, is told by its status and structure.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from forensics.adapters import Call, Held, Pacer, Reply, Target
from forensics.adapters._openai_replies import headers_kept, read_reply, retry_after
from forensics.errors import AdapterError, BadInput, OutboundRefused
from forensics.outbound import Answer, Client, Limits, TooLarge
from forensics.records import Completion, Declaration, Mode, Outcome

CONCURRENCY = 64
UNPACED_CONCURRENCY = 16
CHECK_LIMITS = Limits(connect=5.0, read=10.0, total=15.0, size=2 * 1024 * 1024)


def request_of(call: Call, model: str) -> tuple[str, dict[str, Any]]:
    """The path below the base URL and the JSON body for one call."""
    config = call.config
    body: dict[str, Any] = {"model": model}
    if call.prompt.mode is Mode.RAW:
        path, body["prompt"] = "/completions", call.prompt.text
        extra: dict[str, Any] = {"logprobs": config.top_logprobs} if config.top_logprobs else {}
    else:
        path = "/chat/completions"
        body["messages"] = [{"role": m.role, "content": m.content} for m in call.prompt.messages]
        extra = {"logprobs": True, "top_logprobs": config.top_logprobs} if config.top_logprobs else {}
    body |= {
        "max_tokens": config.max_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
        "stream": False,
    }
    return path, body | extra


class OpenAISession:
    """An open endpoint. Sends calls at once as its pacer lets them go, in the caller's thread."""

    tokenizer = ""

    def __init__(self, target: Target, runner: asyncio.Runner, client: Client, pacer: Pacer | None) -> None:
        self._target, self._runner, self._client, self._pacer = target, runner, client, pacer
        self._slots = asyncio.Semaphore(UNPACED_CONCURRENCY)

    def send(self, calls: Iterable[Call]) -> Iterator[Reply]:
        """One reply per call, as they come in. A call is asked for when there is room for it."""
        loop, feed = self._runner.get_loop(), iter(calls)
        pending: set[asyncio.Task[Reply]] = set()
        try:
            while True:
                pending |= {loop.create_task(self._paced(call)) for call in islice(feed, CONCURRENCY - len(pending))}
                if not pending:
                    return
                done, pending = loop.run_until_complete(asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED))
                yield from (task.result() for task in done)
        finally:
            for task in pending:
                task.cancel()
            if pending:
                loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))

    async def _paced(self, call: Call) -> Reply:
        if self._pacer is None:
            async with self._slots:
                return await self._one(call)
        try:
            async with self._pacer.slot():
                reply = await self._one(call)
        except Held as held:
            completion = Completion(call.prompt.prompt_id, "", call.sample, Outcome.THROTTLED)
            return Reply(call, completion, error=held.why, retry_after=held.seconds, sent=False)
        await self._pacer.saw(reply)
        return reply

    async def _one(self, call: Call) -> Reply:
        path, body = request_of(call, self._target.model)
        request = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        try:
            answer = await self._client.request(
                "POST", self._target.location.rstrip("/") + path, headers=_headers(self._target), body=request
            )
        except OutboundRefused:
            raise
        except TimeoutError:
            return self._without_answer(call, request, Outcome.TIMED_OUT, "no complete reply in time")
        except TooLarge as problem:
            return self._without_answer(call, request, Outcome.MALFORMED, str(problem), problem.raw)
        except AdapterError as problem:
            return self._without_answer(call, request, Outcome.FAILED, str(problem))
        return self._with_answer(call, request, answer)

    def _without_answer(self, call: Call, request: bytes, outcome: Outcome, error: str, raw: bytes = b"") -> Reply:
        completion = Completion(call.prompt.prompt_id, "", call.sample, outcome)
        return Reply(call, completion, request, self._scrubbed(raw), error=error)

    def _with_answer(self, call: Call, request: bytes, answer: Answer) -> Reply:
        reading = read_reply(call, answer)
        return Reply(
            call,
            reading.completion,
            request,
            self._scrubbed(answer.raw),
            headers_kept(answer.headers),
            answer.status,
            answer.elapsed,
            reading.returned_model,
            reading.system_fingerprint,
            self._scrubbed(reading.error.encode()).decode(),
            retry_after(answer.headers),
        )

    def _scrubbed(self, raw: bytes) -> bytes:
        # A server that echoes the key must not put it among the evidence, which is shown and exported.
        secret = self._target.secret.encode()
        return raw.replace(secret, b"[secret]") if secret else raw


def _headers(target: Target) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if target.secret:
        headers["Authorization"] = f"Bearer {target.secret}"
    return headers


class OpenAICompatible:
    """The plug-in. `Target.location` is the base URL, such as ``https://host/v1``."""

    queue = "api"
    declaration = Declaration(
        name="openai-compatible",
        version="1",
        title="OpenAI-compatible API",
        source="OpenAI API reference: chat completions, completions, models",
        parameters={"concurrency": CONCURRENCY},
        limitations=(
            "the server may apply a system prompt, filters or another model without saying so",
            "next-token distributions are those of the first generated token alone, cut at what the server returns",
        ),
    )

    def check(self, target: Target) -> Mapping[str, str]:
        """Kind, and whether the endpoint lists the model. Raises AdapterError or BadInput, having sent no probe."""
        if not target.model:
            raise BadInput("an endpoint needs the name of the model there")
        answer = asyncio.run(_models(target))
        if answer.status in (401, 403):
            raise AdapterError(f"the endpoint refuses the key (status {answer.status}); nothing was stored")
        listed = _listed(answer)
        known = "not listed by the endpoint" if listed is None else str(target.model in listed).lower()
        return {"kind": "endpoint", "protocol": "openai", "models_status": str(answer.status), "model_listed": known}

    @contextmanager
    def open(self, target: Target, pacer: Pacer | None = None) -> Iterator[OpenAISession]:
        """Connections that last as long as the block."""
        with asyncio.Runner() as runner:
            client = Client(private_hosts=target.private_hosts, connections=CONCURRENCY)
            runner.run(_entered(client))
            try:
                yield OpenAISession(target, runner, client, pacer)
            finally:
                runner.run(_left(client))


def _entered(client: Client) -> Coroutine[Any, Any, Client]:
    return client.__aenter__()


def _left(client: Client) -> Coroutine[Any, Any, None]:
    return client.__aexit__(None, None, None)


async def _models(target: Target) -> Answer:
    async with Client(private_hosts=target.private_hosts, limits=CHECK_LIMITS) as client:
        try:
            return await client.request("GET", target.location.rstrip("/") + "/models", headers=_headers(target))
        except TimeoutError:
            raise AdapterError(f"{target.location} did not answer within {CHECK_LIMITS.total:.0f} s") from None


def _listed(answer: Answer) -> set[str] | None:
    try:
        return {str(row["id"]) for row in json.loads(answer.body)["data"]}
    except (ValueError, KeyError, TypeError):
        return None


PLUGIN = OpenAICompatible()
