"""What a sender does, written down on this machine before the ledger hears of it: it outlives the worker.

The sender notes each call as it goes out and each reply as it comes in, so that a reply's place at the endpoint is free
again at once, and the clerk writes the ledger after it. A worker that dies leaves its journal behind. Whichever comes
next on this machine takes it in, under the same fence that the worker would have written with: replies count, calls
that went out without one are lost attempts, calls that never went are given back as such.

A kill -9 takes nothing from a file that is written. What a power cut takes is sent again, as after any lost lease.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import struct
import uuid
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from django.conf import settings

from forensics.adapters import Call, Reply
from forensics.collection import call_of
from forensics.transcripts import parse_completion
from tasks.evidence import Answered, Claim
from tasks.room import NoRoom
from webapp.probing.models import ProbeCall

log = logging.getLogger(__name__)

HEAD = struct.Struct(">IIII")
"""Checksum of what follows, and the lengths of its three parts: what is known, the request, the reply."""
LARGEST = 4 << 20
"""Bytes after which the file begins again with what the ledger does not have yet, if that is less than half of it."""
SUFFIX = ".journal"
PLAIN = ("status", "elapsed", "returned_model", "system_fingerprint", "error", "retry_after", "url", "provider")


class Journal:
    """The file of one slice, written by the sender's thread alone. Raises NoRoom where not even its head fits."""

    def __init__(self, collection_id: object, owner: str) -> None:
        self._path = folder() / f"{collection_id}-{uuid.uuid4().hex}{SUFFIX}"
        self._owner = owner
        self._under_way: dict[int, int] = {}
        self._unsettled: deque[tuple[int, int]] = deque()
        self._settled = self._dropped = self._size = 0
        self._file = self._new_file()

    def going(self, claim: Claim) -> bool:
        """Note that a call goes out now; whether there was room for the note."""
        noted = self._add(_packed({"going": [[claim.row, claim.fence]]}))
        if noted:
            self._under_way[claim.row] = claim.fence
        return noted

    def is_under_way(self, claim: Claim) -> bool:
        """Whether a call is known to have left, and no reply of it."""
        return claim.row in self._under_way

    def keep(self, answered: Answered) -> bool:
        """Note a reply; whether there was room for it."""
        if self._size > LARGEST:
            self._begin_again()
        entry = _packed(_known(answered), answered.reply.request, answered.reply.raw)
        at, kept = self._size, self._add(entry)
        if kept:
            self._unsettled.append((at, len(entry)))
        self._under_way.pop(answered.claim.row, None)
        return kept

    def settled(self, number: int) -> None:
        """So many more of the kept replies are in the ledger, the oldest first. May come from another thread."""
        self._settled += number

    def _drop_the_settled(self) -> None:
        while self._unsettled and self._dropped < self._settled:
            self._unsettled.popleft()
            self._dropped += 1

    def close(self) -> None:
        """Remove the file if the ledger has all of it; else it is left to whoever comes next."""
        self._drop_the_settled()
        if not self._unsettled and not self._under_way:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _add(self, entry: bytes) -> bool:
        whole = self._write(self._file, entry, self._size)
        self._size += len(entry) if whole else 0
        return whole

    def _write(self, file: int, entry: bytes, at: int) -> bool:
        try:
            return os.pwrite(file, entry, at) == len(entry)
        except OSError as problem:
            log.warning("the journal cannot be written, the ledger is waited for: %s", problem)
            return False

    def _begin_again(self) -> None:
        """Leave behind what the ledger has, once that is most of the file."""
        self._drop_the_settled()
        if 2 * sum(length for _, length in self._unsettled) > self._size:
            return
        before = self._file
        with contextlib.suppress(OSError, NoRoom):  # then the old one goes on
            self._file = self._new_file()
            os.close(before)

    def _new_file(self) -> int:
        """A locked file in this one's place: whose it is, what is under way, what the ledger does not have yet. The
        lock is held until the process is no more, however it ends: a file that can be locked has been left behind."""
        head = _packed({"owner": self._owner, "going": list(self._under_way.items())})
        parts = [head, *(os.pread(self._file, length, at) for at, length in self._unsettled)]
        draft = self._path.with_suffix(".new")
        try:
            folder().mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            if not self._write(file, b"".join(parts), 0):
                os.close(file)
                draft.unlink()
                raise NoRoom("the journal does not fit on its disk")
            draft.replace(self._path)
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoRoom(str(problem)) from problem
            raise
        ends = list(accumulate(map(len, parts)))
        self._unsettled = deque(zip(ends[:-1], map(len, parts[1:]), strict=True))
        self._size = ends[-1]
        return file


@dataclass(slots=True)
class Left:
    """What a worker that has gone left behind: its replies, and row to fence of the calls that were under way."""

    owner: str = ""
    answered: list[Answered] = field(default_factory=list)
    under_way: dict[int, int] = field(default_factory=dict)


def folder() -> Path:
    """Where the files lie."""
    return Path(settings.FILIATION_HOME) / "journal"


def files(collection_id: object = "") -> list[Path]:
    """The files of a collection, or all of this machine's."""
    return sorted(folder().glob(f"{collection_id}*{SUFFIX}"))


@contextlib.contextmanager
def left_behind(path: Path) -> Iterator[Left | None]:
    """What is in a file whose worker has gone, for a block that takes it in; the file goes with it, unless it fails.

    None where the worker lives, or somebody else is at it.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, its worker may have begun it again, or somebody may have taken it in.
            is_it = path.stat().st_ino == os.fstat(file).st_ino
        except (FileNotFoundError, BlockingIOError):
            is_it = False
        if not is_it:
            yield None
            return
        yield _read(path)
        path.unlink(missing_ok=True)


def _read(path: Path) -> Left:
    left, replies = Left(), []
    for known, request, raw in _entries(path.read_bytes()):
        left.owner = known.get("owner", left.owner)
        left.under_way |= dict(known.get("going", ()))
        if claim := known.get("claim"):
            left.under_way.pop(claim[0], None)
            replies.append((known, request, raw))
    rows = [known["claim"][0] for known, _, _ in replies]
    calls = {c.pk: c for c in ProbeCall.objects.filter(pk__in=rows).select_related("probe")}
    for known, request, raw in replies:
        if call := calls.get(known["claim"][0]):
            left.answered.append(_unpacked(known, request, raw, call_of(call.probe.record, call.sample)))
    return left


def _known(answered: Answered) -> dict[str, Any]:
    claim, reply, received = answered
    return {
        "claim": [claim.row, claim.probe, claim.fence, claim.attempt, claim.worst, claim.worker],
        "received": received.isoformat(),
        "completion": reply.completion.as_json() | {"outcome": reply.completion.outcome.value},
        "headers": dict(reply.headers),
        "reply": {name: getattr(reply, name) for name in PLAIN},
    }


def _unpacked(known: dict[str, Any], request: bytes, raw: bytes, call: Call) -> Answered:
    row, probe, fence, attempt, worst, worker = known["claim"]
    claim = Claim(row, probe, fence, attempt, call, tuple(worst), worker)
    completion = parse_completion(known["completion"], "journal")
    reply = Reply(call, completion, request, raw, known["headers"], **known["reply"])
    return Answered(claim, reply, datetime.fromisoformat(known["received"]))


def _packed(known: dict[str, Any], *more: bytes) -> bytes:
    parts = (json.dumps(known, separators=(",", ":")).encode(), *(more or (b"", b"")))
    rest = b"".join((struct.pack(">III", *map(len, parts)), *parts))
    return zlib.crc32(rest).to_bytes(4, "big") + rest


def _entries(held: bytes) -> Iterator[tuple[dict[str, Any], bytes, bytes]]:
    """The whole entries, in order. One that was being written when its worker died is the end."""
    at = 0
    while at + HEAD.size <= len(held):
        check, *lengths = HEAD.unpack_from(held, at)
        end = at + HEAD.size + sum(lengths)
        if end > len(held) or zlib.crc32(held[at + 4 : end]) != check:
            return
        cut = at + HEAD.size
        parts = []
        for length in lengths:
            parts.append(held[cut : cut + length])
            cut += length
        yield json.loads(parts[0]), parts[1], parts[2]
        at = end
