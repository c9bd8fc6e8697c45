"""Our own format: prompts.jsonl[.gz] beside responses/<model>.jsonl[.gz]."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from forensics.corpora._rows import jsonl_files, rows, stem, text_field
from forensics.errors import BadInput, CorpusError
from forensics.records import Completion, Declaration, Message, Mode, NextToken, Outcome, Prompt, ResponseSet

FINISH = {"length": Outcome.TRUNCATED, "content_filter": Outcome.FILTERED}


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


def read_responses(path: Path, *, known: Mapping[str, Prompt] | None, model: str = "") -> ResponseSet:
    """One model's transcript file. With `known`, a prompt id outside it is an error that names the row."""
    seen: dict[tuple[str, int], str] = {}
    completions: list[Completion] = []
    tokenizer = ""
    for where, row in rows(path):
        completion = parse_completion(row, where)
        key = (completion.prompt_id, completion.sample)
        if known is not None and completion.prompt_id not in known:
            raise CorpusError(f"prompt id {completion.prompt_id!r} is not among the prompts", where=where)
        if key in seen:
            raise CorpusError(f"prompt {key[0]!r} sample {key[1]} was already given in {seen[key]}", where=where)
        seen[key] = where
        tokenizer = row.get("tokenizer", tokenizer)
        completions.append(completion)
    if not completions:
        raise CorpusError("holds no response", where=path.name)
    return ResponseSet.of(model or stem(path), completions, tokenizer)


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
    return tuple(Message(str(m["role"]), str(m["content"])) for m in listed)


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


def parse_completion(row: dict[str, Any], where: str) -> Completion:
    """A completion from a row; fields that label it (a judge's verdict, say) are not read."""
    text = text_field(row, "response", where)
    sample = row.get("sample", 0)
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        raise CorpusError(f"the field 'sample' must be a whole number from 0, not {sample!r}", where=where)
    finish = row.get("finish") or ""
    try:
        return Completion(
            text_field(row, "prompt_id", where),
            text,
            sample,
            _outcome(row, text, finish),
            finish,
            tuple(
                NextToken(int(n["chars"]), tuple((str(t), float(p)) for t, p in n["top"]))
                for n in row.get("next_tokens", ())
            ),
            row.get("prompt_tokens"),
            row.get("completion_tokens"),
        )
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError) as problem:
        raise CorpusError(f"not a response: {problem!r}", where=where) from problem


def _outcome(row: dict[str, Any], text: str, finish: str) -> Outcome:
    if "outcome" in row:
        return Outcome(row["outcome"])
    if not text.strip():
        return Outcome.EMPTY
    return FINISH.get(finish, Outcome.COMPLETED)


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
