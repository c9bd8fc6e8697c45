"""Our own format: prompts.jsonl[.gz] beside responses/<model>.jsonl[.gz]."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from forensics.errors import CorpusError
from forensics.records import Declaration, Message, Mode, Prompt, ResponseSet
from forensics.transcripts import jsonl_files, mended, read_responses, rows, stem, text_field


class JsonlCorpus:
    """A folder in our format. Prompts are read at once, responses one model at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = {stem(file): file for file in jsonl_files(path / "responses")}
        if not self._files:
            raise CorpusError("holds no .jsonl or .jsonl.gz file of responses", where=f"{path.name}/responses")

    @property
    def models(self) -> tuple[str, ...]:
        """Model names (file names without their ending) sorted by code point."""
        return tuple(sorted(self._files))

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """Prompt id to prompt; raises CorpusError for a repeated id or an empty file."""
        found: dict[str, Prompt] = {}
        for where, row in rows(_prompt_file(self.path)):
            prompt = parse_prompt(row, where)
            if prompt.prompt_id in found:
                raise CorpusError(f"prompt id {prompt.prompt_id!r} appears twice", where=where)
            found[prompt.prompt_id] = prompt
        if not found:
            raise CorpusError("holds no prompt", where=_prompt_file(self.path).name)
        return found

    def responses(self, model: str) -> ResponseSet:
        """All completions of one model; raises CorpusError naming file and row."""
        if model not in self._files:
            raise CorpusError(f"no model {model!r} in this corpus", where=self.path.name)
        return read_responses(self._files[model], known=self.prompts, model=model)


def parse_prompt(row: dict[str, Any], where: str) -> Prompt:
    """A prompt from a row: `messages`, or `prompt` as text or as a JSON list of messages."""
    prompt_id = text_field(row, "prompt_id", where)
    try:
        return Prompt(
            prompt_id,
            _messages(row, where),
            Mode(row.get("mode", "chat")),
            row.get("family", "open"),
            row.get("category") or "",
            None if row.get("answer") is None else str(row["answer"]),
            row.get("cell", ""),
            row.get("language", "en"),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise CorpusError(f"not a prompt: {problem!r}", where=where) from problem


def _messages(row: dict[str, Any], where: str) -> tuple[Message, ...]:
    listed = row.get("messages")
    if listed is None:
        text = text_field(row, "prompt", where)
        listed = _as_messages(text) or [{"role": "user", "content": text}]
    if not listed:
        raise CorpusError("the prompt has no message", where=where)
    return tuple(Message(mended(str(m["role"])), mended(str(m["content"]))) for m in listed)


def _as_messages(text: str) -> list[dict[str, Any]] | None:
    """The messages that a prompt's text spells as JSON, or None where it is plain text."""
    if not text.startswith("[{"):
        return None
    try:
        listed = json.loads(text)
    except ValueError:
        return None
    spelled = isinstance(listed, list) and all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in listed)
    return listed if spelled else None


def _prompt_file(path: Path) -> Path:
    for name in ("prompts.jsonl.gz", "prompts.jsonl"):
        if (path / name).is_file():
            return path / name
    raise CorpusError("has no prompts.jsonl or prompts.jsonl.gz", where=path.name)


class FiliationJsonl:
    """The reader plug-in."""

    declaration = Declaration(
        "filiation-jsonl",
        "1",
        "Filiation corpus folder (prompts.jsonl and responses/)",
        "docs/terminology.md",
        limitations=("one file per model",),
    )

    def recognises(self, path: Path) -> bool:
        """Whether the folder has responses/ beside prompts.jsonl or prompts.jsonl.gz."""
        return (path / "responses").is_dir() and any(
            (path / name).is_file() for name in ("prompts.jsonl.gz", "prompts.jsonl")
        )

    def read(self, path: Path) -> JsonlCorpus:
        """Open the folder; raises CorpusError where it is empty."""
        return JsonlCorpus(path)


PLUGIN = FiliationJsonl()
