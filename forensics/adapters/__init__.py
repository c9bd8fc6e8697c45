"""How models are reached: one file per kind, all behind the contract below.

Importing this package loads no model library and no SDK: a plug-in imports those inside its functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from forensics.records import Completion, Declaration, GenerationConfig, Prompt

PACKAGE = __name__


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model is: a weights folder, an endpoint's base URL, or a file of transcripts.

    `secret` never enters a repr, a log or a stored request.
    """

    location: str
    model: str = ""
    secret: str = field(default="", repr=False)
    private_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One probe call: one prompt, one sample, one configuration (its `seed` already belongs to this sample)."""

    prompt: Prompt
    sample: int
    config: GenerationConfig


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one call, with the bytes that are the evidence. Local models have no raw bytes but JSON."""

    call: Call
    completion: Completion
    request: bytes = b""
    raw: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None
    elapsed: float = 0.0
    returned_model: str = ""
    system_fingerprint: str = ""
    error: str = ""
    retry_after: float | None = None
    sent: bool = True
    """False where the pacer held the call back: nothing left this machine, it may be sent `retry_after` seconds on."""
    provider: str = ""


class Held(Exception):
    """Raised by a pacer: no call may go to this endpoint for `seconds`."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds, self.why = seconds, why


class Pacer(Protocol):
    """Decides when a call may leave. One stands before each endpoint, whatever number of workers send to it."""

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Waits for this call's turn, then holds a place as long as the block lasts; raises Held rather than wait
        longer than is worth a place."""

    async def saw(self, reply: Reply) -> None:
        """Learns from a reply: a server that asks for time, or that keeps failing, is left alone for a while."""


class Session(Protocol):
    """An open model. Kept warm by a worker across slices of one collection."""

    @property
    def tokenizer(self) -> str:
        """Hash of the vocabulary, or '' where the model does not show it."""

    def send(self, calls: Iterable[Call]) -> Iterator[Reply]:
        """One reply per call, in any order. A failure is a Reply with its outcome, not an exception.

        Where calls are sent at once, the next one is asked for when there is room for it, and not before.
        """


class Adapter(Protocol):
    """A plug-in. `queue` is the Celery queue that its work belongs on: gpu, api or cpu."""

    declaration: Declaration
    queue: str

    def check(self, target: Target) -> Mapping[str, str]:
        """What can be said of a target without sending a probe (kind, architecture, tokenizer hash, ...).

        Raises BadInput or AdapterError with a message an analyst can act on.
        """

    def open(self, target: Target, pacer: Pacer = ...) -> AbstractContextManager[Session]:
        """Load the model or open the connection. A network adapter asks the pacer before each request; others have
        none."""
