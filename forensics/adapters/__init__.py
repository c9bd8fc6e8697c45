"""How models are reached: one file per kind, all behind the contract below.

Importing this package loads no model library and no SDK: a plug-in imports those inside its functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from forensics.records import Completion, Declaration, GenerationConfig, Prompt

PACKAGE = __name__


@dataclass(frozen=True, slots=True)
class Target:
    """Where a model is: a weights folder, an endpoint's base URL, or a file of transcripts.

    `secret` never enters a repr, a log or a stored request. `preset` names what a server does in its own way, for an
    adapter that has `presets`; `stream` asks for the reply piece by piece. A reply may take `patience` seconds in all,
    and say nothing for `silence` seconds.
    """

    location: str
    model: str = ""
    secret: str = field(default="", repr=False)
    private_hosts: tuple[str, ...] = ()
    preset: str = "generic"
    stream: bool = False
    silence: float = 60.0
    patience: float = 180.0


@dataclass(frozen=True, slots=True)
class Call:
    """One probe call: one prompt, one sample, one configuration (its `seed` already belongs to this sample).

    A configuration of several samples asks a server that can for so many completions at once; none of ours does so in
    a collection, since servers that cannot give one without a word.
    """

    prompt: Prompt
    sample: int
    config: GenerationConfig


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one call, with the bytes that are the evidence. Local models have no raw bytes but JSON.

    `url` is where the request went, `provider` who served it where a router says so, `others` the further completions
    of a call that asked for several.
    """

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
    url: str = ""
    provider: str = ""
    others: tuple[Completion, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What was kept of a reply, to be read again by somebody else."""

    raw: bytes
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Held(Exception):
    """Raised by a pacer: no call may go to this endpoint for `seconds`."""

    def __init__(self, seconds: float, why: str) -> None:
        super().__init__(why)
        self.seconds, self.why = seconds, why


class Pacer(Protocol):
    """Decides when a call may leave. One stands before each endpoint, whatever number of workers send to it."""

    def slot(self, call: Call, /) -> AbstractAsyncContextManager[None]:
        """Waits for this call's turn, then holds a place as long as the block lasts; raises Held rather than wait
        longer than is worth a place. The call leaves with the block's beginning, and not before."""

    async def saw(self, reply: Reply) -> None:
        """Learns from a reply: a server that asks for time, or that keeps failing, is left alone for a while."""


class _Unpaced:
    """Nobody is in the way. For one process that sends alone, and to models of this machine."""

    def slot(self, _call: Call, /) -> AbstractAsyncContextManager[None]:
        """A place at once."""
        return nullcontext()

    async def saw(self, reply: Reply) -> None:
        """Nothing is learnt."""


UNPACED: Pacer = _Unpaced()


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

    def open(self, target: Target, pacer: Pacer = UNPACED, /) -> AbstractContextManager[Session]:
        """Load the model or open the connection, whose every request asks the pacer first."""


@runtime_checkable
class Rereads(Protocol):
    """What an adapter also offers whose replies can be read again from what was kept, as `recompute` does."""

    def reread(self, call: Call, kept: Kept, target: Target) -> Completion:
        """The completion that the kept bytes say, by the same reading as when they came."""
