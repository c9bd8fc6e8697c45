"""Attempts and completions as rows, and what an attempt is charged to the budget."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from forensics.adapters import Call, Reply
from forensics.provenance import sha256
from forensics.records import Outcome
from forensics.storable import storable_text
from webapp.custody import services as custody
from webapp.probing.evidence import digest_of
from webapp.probing.models import Attempt, Collection
from webapp.probing.storable import columns

ERROR_CHARS = 500
NAME_CHARS = 200
URL_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Claim:
    """One leased row: the call to send, the fence that its write must carry, and the most tokens that it can use."""

    row: int
    probe: int
    fence: int
    attempt: int
    call: Call
    worst: tuple[int, int] = (0, 0)
    worker: str = ""

    @property
    def held(self) -> tuple[int, int]:
        """What it holds: the row under this fence. The same row may be claimed again, under another."""
        return self.row, self.fence


class Answered(NamedTuple):
    """A claim, its reply, and when that was received."""

    claim: Claim
    reply: Reply
    received: datetime


def attempt_row(collection: Collection, answer: Answered, kind: Attempt.Kind = Attempt.Kind.ANSWERED) -> dict[str, Any]:
    """The columns of what came back for one send, its bytes hashed and packed."""
    claim, reply, received = answer
    completion = reply.completion
    row: dict[str, Any] = {
        "call_id": claim.row,
        "number": claim.attempt,
        "kind": kind.value,
        "worker": claim.worker,
        "url": storable_text(reply.url)[:URL_CHARS] or None,
        "started_at": received - timedelta(seconds=reply.elapsed),
        "received_at": received,
        "elapsed": reply.elapsed,
        "outcome": completion.outcome.value,
        "status": reply.status,
        "finish_reason": storable_text(completion.finish_reason)[:64],
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "returned_model": storable_text(reply.returned_model)[:NAME_CHARS],
        "provider": storable_text(reply.provider)[:NAME_CHARS],
        "system_fingerprint": storable_text(reply.system_fingerprint)[:NAME_CHARS],
        "headers": {storable_text(name): storable_text(value) for name, value in reply.headers.items()},
        "error": storable_text(reply.error)[:ERROR_CHARS],
        "request_sha256": sha256(reply.request) if reply.request else "",
        "raw_sha256": sha256(reply.raw) if reply.raw else "",
        "request_zlib": zlib.compress(reply.request) if reply.request else b"",
        "raw_zlib": zlib.compress(reply.raw) if reply.raw else b"",
    }
    row["digest"] = digest_of(row, str(collection.pk), claim.call.prompt.prompt_id, claim.call.sample)
    return row


def completion_row(collection: Collection, answer: Answered, attempt: int) -> dict[str, Any]:
    """The columns of the reading of an attempt, which is named by its key."""
    mine = {"collection_id": collection.pk, "probe_id": answer.claim.probe, "evidence_id": attempt}
    return mine | {"received_at": answer.received} | columns(answer.reply.completion)


def tokens_of(claim: Claim, reply: Reply) -> tuple[int, int]:
    """Tokens that a send counts for: what the server said, nothing for an error that it told, else the worst case."""
    told = reply.completion
    if told.prompt_tokens is not None and told.completion_tokens is not None:
        return told.prompt_tokens, told.completion_tokens
    refused = reply.status is not None and reply.status >= 400 and told.outcome is not Outcome.TIMED_OUT
    return (0, 0) if refused else claim.worst


def note_identities(collection: Collection, replies: Iterable[Reply]) -> None:
    """Keep which model says that it answers. A second one is a change in mid-run: logged, and flagged on the page."""
    seen = {
        (storable_text(r.returned_model)[:NAME_CHARS], storable_text(r.system_fingerprint)[:NAME_CHARS])
        for r in replies
        if r.completion.outcome.has_text and (r.returned_model or r.system_fingerprint)
    }
    if seen <= {tuple(known) for known in collection.identities}:
        return
    stored = Collection.objects.select_for_update().get(pk=collection.pk)
    known = [tuple(identity) for identity in stored.identities]
    known += sorted(seen - set(known))
    collection.identities = [list(identity) for identity in known]
    Collection.objects.filter(pk=collection.pk).update(identities=collection.identities)
    if len(known) > 1:
        custody.append(
            actor=None,
            action="collection-model-changed",
            subject=collection.pk,
            team=collection.model.team_id,
            identities=collection.identities,
        )
