"""Inspect's logs: .eval files (a zip of JSON) or .json files, one of them or a folder of .eval files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from forensics.corpora._archive import members
from forensics.corpora._rows import UNREADABLE, Row, RowsCorpus, bounded, head, parsed, prompt_of, said
from forensics.errors import CorpusError
from forensics.records import Completion, Declaration, NextToken, Outcome
from forensics.transcripts import MOST

HEADERS = ("header.json", "_journal/start.json")
ATTACHED = "attachment://"
ENDED = {
    "max_tokens": Outcome.TRUNCATED,
    "model_length": Outcome.TRUNCATED,
    "content_filter": Outcome.FILTERED,
}
Sample = Mapping[str, Any]


def _rows(path: Path) -> Iterator[Row]:
    for file in sorted(path.glob("*.eval")) if path.is_dir() else [path]:
        model, samples = _opened(file)
        for where, sample in samples:
            try:
                yield from _of_sample(where, model, sample)
            except UNREADABLE as problem:
                raise CorpusError(f"not a sample: {problem!r}", where=where) from None


def _opened(path: Path) -> tuple[str, list[tuple[str, Sample]]]:
    """The model's name, and the samples with their places, epoch by epoch."""
    header: Any = {}
    samples: list[tuple[str, Sample]] = []
    if path.suffix.lower() == ".eval":
        for name, raw in members(path):
            where = f"{path.name}, {name}"
            if name.startswith("samples/"):
                samples.append((where, _slim(parsed(raw, where))))
            elif name in HEADERS:
                header = parsed(raw, where) | header
    else:
        header = parsed(bounded(path), path.name)
        listed = header.get("samples") if isinstance(header, dict) else None
        samples = [(f"{path.name}, sample {i}", _slim(row)) for i, row in enumerate(listed or (), start=1)]
    try:
        samples.sort(key=lambda found: found[1].get("epoch", 1))
        return str(header["eval"]["model"]), samples
    except UNREADABLE as problem:
        raise CorpusError(f"not a log of inspect's: {problem!r}", where=path.name) from None


def _slim(sample: Any) -> Sample:
    """The sample without its events, which are by far the most of it."""
    if not isinstance(sample, dict):
        return {}
    return {
        name: sample[name]
        for name in ("epoch", "input", "messages", "output", "error", "attachments")
        if name in sample
    }


def _of_sample(where: str, model: str, sample: Sample) -> Iterator[Row]:
    prompt = prompt_of("in", _asked(where, sample))
    output = sample["output"]
    if not output.get("choices"):
        outcome = Outcome.FAILED if sample.get("error") else Outcome.EMPTY
        yield Row(where, model, prompt, said("", outcome))
    for choice in output.get("choices") or ():
        yield Row(where, model, prompt, _completion(where, sample, choice, len(prompt.text)))


def _asked(where: str, sample: Sample) -> list[tuple[str, str]]:
    """Roles and words of what was put to the model: everything before its last reply."""
    turns = sample.get("messages") or sample["input"]
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    if turns[-1]["role"] == "assistant":
        turns = turns[:-1]
    if any(turn["role"] == "tool" or turn.get("tool_calls") for turn in turns):
        raise CorpusError("uses tools; only replies to plain messages can be compared", where=where)
    return [(turn["role"], _words(where, sample, turn["content"])) for turn in turns]


def _words(where: str, sample: Sample, content: Any) -> str:
    """The text of a message; its reasoning is left out, and what is neither is refused."""
    if isinstance(content, str):
        attached = content.startswith(ATTACHED)
        return str(sample["attachments"][content.removeprefix(ATTACHED)]) if attached else content
    kinds = {part["type"] for part in content} - {"text", "reasoning"}
    if kinds:
        raise CorpusError(f"holds more than text: {', '.join(sorted(kinds))}", where=where)
    return "".join(_words(where, sample, part["text"]) for part in content if part["type"] == "text")


def _completion(where: str, sample: Sample, choice: Mapping[str, Any], asked: int) -> Completion:
    finish = str(choice.get("stop_reason") or "")
    usage = sample["output"].get("usage") or {}
    return said(
        _words(where, sample, choice["message"]["content"]),
        ENDED.get(finish),
        finish,
        next_tokens=_first_distribution(choice, asked),
        prompt_tokens=_count(usage.get("input_tokens")),
        completion_tokens=_count(usage.get("output_tokens")),
    )


def _first_distribution(choice: Mapping[str, Any], asked: int) -> tuple[NextToken, ...]:
    told = (choice.get("logprobs") or {}).get("content") or [{}]
    rows = [(str(row["token"]), float(row["logprob"])) for row in told[0].get("top_logprobs") or ()]
    top = sorted((row for row in rows if math.isfinite(row[1])), key=lambda row: (-row[1], row[0]))
    return (NextToken(asked, tuple(top)),) if top else ()


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST else None


class InspectLogs:
    """The reader plug-in."""

    declaration = Declaration(
        "inspect-logs",
        "1",
        "Inspect logs (.eval or .json)",
        "UK AISI inspect_ai, eval log format, version 2",
        limitations=(
            "the server's own bytes are not in the log",
            "samples that use tools, images or sound are refused",
        ),
    )

    def recognises(self, path: Path) -> bool:
        """Whether it is an .eval file, a folder of them, or a .json file that begins as a log."""
        if path.is_dir():
            return next(path.glob("*.eval"), None) is not None
        begun = head(path)
        if path.suffix.lower() == ".eval":
            return begun.startswith(b"PK")
        return path.suffix.lower() == ".json" and b'"eval"' in begun and b'"status"' in begun

    def read(self, path: Path) -> RowsCorpus:
        """Open the log or the folder."""
        return RowsCorpus(path, partial(_rows, path))


PLUGIN = InspectLogs()
