"""What single-file recordings share: bounded reading, and a corpus made of rows (model, prompt, completion)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from forensics.errors import CorpusError
from forensics.records import Completion, Message, Outcome, Prompt, ResponseSet
from forensics.transcripts import mended

MOST_BYTES = 512 << 20
MOST_ROWS = 2_000_000
HEAD = 64 << 10
UNREADABLE = (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded reply and what it replies to. The completion's own prompt id and sample are not read."""

    where: str
    model: str
    prompt: Prompt
    completion: Completion


def said(text: str, outcome: Outcome | None = None, finish: str = "", **more: Any) -> Completion:
    """A completion whose outcome, unless it is known, is told by its text."""
    told = outcome or (Outcome.COMPLETED if text.strip() else Outcome.EMPTY)
    if told.has_text and not text.strip():
        told = Outcome.EMPTY
    return Completion("", mended(text), 0, told, mended(finish), **more)


def prompt_of(prefix: str, messages: Iterable[tuple[str, str]]) -> Prompt:
    """A prompt whose id is made from its words, so that the same prompt has one id in every file."""
    turns = tuple(Message(mended(role), mended(content)) for role, content in messages)
    if not turns:
        raise ValueError("the prompt has no message")
    told = json.dumps([[turn.role, turn.content] for turn in turns]).encode()
    return Prompt(f"{prefix}-{hashlib.sha256(told).hexdigest()[:16]}", turns)


def head(path: Path) -> bytes:
    """The beginning of a file, or nothing where it is none or cannot be read."""
    try:
        with path.open("rb") as handle:
            return handle.read(HEAD)
    except OSError:
        return b""


def bounded(path: Path) -> bytes:
    """The whole file; raises CorpusError where it is larger than is read."""
    try:
        with path.open("rb") as handle:
            raw = handle.read(MOST_BYTES + 1)
    except OSError as problem:
        raise CorpusError(f"cannot be read: {problem.strerror}", where=path.name) from problem
    if len(raw) > MOST_BYTES:
        raise CorpusError(f"is larger than {MOST_BYTES >> 20} MiB; divide it", where=path.name)
    return raw


def parsed(raw: bytes, where: str) -> Any:
    """The JSON in these bytes; raises CorpusError."""
    try:
        return json.loads(raw)
    except RecursionError:
        raise CorpusError("JSON nested too deeply", where=where) from None
    except ValueError as problem:
        raise CorpusError(f"not JSON in UTF-8: {problem}", where=where) from None


class RowsCorpus:
    """A corpus read whole from its rows. Repeats of a prompt are its samples, in the order of the rows."""

    def __init__(self, path: Path, rows: Callable[[], Iterator[Row]]) -> None:
        self.path, self._read = path, rows

    @cached_property
    def _rows(self) -> list[Row]:
        found: list[Row] = []
        for row in self._read():
            if len(found) == MOST_ROWS:
                raise CorpusError(f"holds more than {MOST_ROWS} rows; divide it", where=row.where)
            if not row.model.strip():
                raise CorpusError("names no model", where=row.where)
            found.append(row)
        if not found:
            raise CorpusError("holds no reply", where=self.path.name)
        return found

    @property
    def models(self) -> tuple[str, ...]:
        """Model names sorted by code point."""
        return tuple(sorted({row.model for row in self._rows}))

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """Prompt id to prompt, as it stands where it is first met."""
        found: dict[str, Prompt] = {}
        for row in self._rows:
            found.setdefault(row.prompt.prompt_id, row.prompt)
        return found

    def responses(self, model: str) -> ResponseSet:
        """All completions of one model; raises CorpusError."""
        found: list[Completion] = []
        samples: dict[str, int] = {}
        for row in (row for row in self._rows if row.model == model):
            prompt_id = row.prompt.prompt_id
            sample = samples[prompt_id] = samples.get(prompt_id, -1) + 1
            found.append(replace(row.completion, prompt_id=prompt_id, sample=sample))
        if not found:
            raise CorpusError(f"holds no reply of {model!r}", where=self.path.name)
        return ResponseSet.of(model, found)
