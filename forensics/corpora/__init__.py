"""Readers of recorded responses: one file per format.

A plug-in offers `declaration`, `recognises(path) -> bool` and `read(path) -> Corpus`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from forensics import registry
from forensics.errors import CorpusError
from forensics.records import Declaration, Prompt, ResponseSet

PACKAGE = __name__


class ResponseSource(Protocol):
    """A recorded corpus whose models are read one at a time, so that memory stays flat."""

    @property
    def path(self) -> Path:
        """Where it was read from."""

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """Prompt id to prompt."""

    @property
    def models(self) -> tuple[str, ...]:
        """Model names sorted by code point."""

    def responses(self, model: str) -> ResponseSet:
        """All completions of one model; raises CorpusError naming file and row."""


class Reader(Protocol):
    """A plug-in."""

    declaration: Declaration

    def recognises(self, path: Path) -> bool:
        """Whether a folder or file looks like this format, told without reading it whole."""

    def read(self, path: Path) -> ResponseSource:
        """Open it; raises CorpusError naming file and row."""


def open_corpus(path: Path) -> ResponseSource:
    """The corpus at `path`, by the first reader that recognises it; raises CorpusError with the known formats."""
    if not path.exists():
        raise CorpusError("does not exist", where=str(path))
    readers: list[Reader] = list(registry.load_all(PACKAGE).values())
    for reader in readers:
        if reader.recognises(path):
            return reader.read(path)
    known = "; ".join(reader.declaration.title for reader in readers)
    raise CorpusError(f"not a recorded corpus that is known here ({known})", where=str(path))
