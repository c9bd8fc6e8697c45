"""One model's recorded replies: rows of JSON in a plain or gzipped file, with errors that name file and row."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from forensics.errors import BadInput, CorpusError
from forensics.records import Completion, NextToken, Outcome, Prompt, ResponseSet

MAX_LINE = 64 << 20
MAX_FILE = 2 << 30
MOST = 2**31 - 1  # what every database holds in a whole number
SUFFIXES = (".jsonl.gz", ".jsonl")
FINISH = {"length": Outcome.TRUNCATED, "content_filter": Outcome.FILTERED}


def stem(path: Path) -> str:
    """The file's name without .jsonl or .jsonl.gz."""
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def jsonl_files(folder: Path) -> list[Path]:
    """The .jsonl and .jsonl.gz files directly inside a folder, sorted by name.

    Raises CorpusError where a model has a file of either kind: neither may be dropped without a word.
    """
    found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    for before, after in pairwise(sorted(found, key=stem)):
        if stem(before) == stem(after):
            raise CorpusError(f"holds the same model twice; remove {before.name} or {after.name}", where=folder.name)
    return found


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) for each line, `where` naming file and line.

    Raises CorpusError for a truncated or foreign gzip, bytes that are not UTF-8, a line that is not a JSON object,
    and, in bytes after unpacking, a line above 64 MiB or a file above 2 GiB.
    """
    number = unpacked = 0
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as handle:
            while line := handle.readline(MAX_LINE):
                number += 1
                unpacked += len(line)
                if len(line) >= MAX_LINE or unpacked > MAX_FILE:
                    raise CorpusError("unpacks to more than is read", where=f"{path.name}, line {number}")
                if line.strip():
                    yield f"{path.name}, line {number}", _row(line, f"{path.name}, line {number}")
    except EOFError:
        raise CorpusError("the gzip file is truncated", where=f"{path.name}, after line {number}") from None
    except (gzip.BadGzipFile, zlib.error) as problem:
        raise CorpusError(f"not a readable gzip file: {problem}", where=path.name) from problem
    except OSError as problem:
        raise CorpusError(f"cannot be read: {problem.strerror}", where=path.name) from problem


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError as problem:
        raise CorpusError(f"not UTF-8 at byte {problem.start}; save the file as UTF-8", where=where) from None
    except json.JSONDecodeError as problem:
        raise CorpusError(f"not JSON ({problem.msg} at column {problem.colno})", where=where) from None
    except ValueError as problem:
        raise CorpusError(f"not JSON that can be read ({problem})", where=where) from None
    except RecursionError:
        raise CorpusError("JSON nested too deeply", where=where) from None
    if not isinstance(row, dict):
        raise CorpusError(f"a JSON object was expected, not {type(row).__name__}", where=where)
    return row


def mended(text: str) -> str:
    """The text with lone surrogates, which no UTF-8 and so no hash can hold, as U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def text_field(row: dict[str, Any], name: str, where: str) -> str:
    """The string under `name`, mended; raises CorpusError when it is absent or of another type."""
    value = row.get(name)
    if not isinstance(value, str):
        kind = "is missing" if value is None else f"must be a string, not {type(value).__name__}"
        raise CorpusError(f"the field {name!r} {kind}", where=where)
    if name == "prompt_id" and "\0" in value:
        raise CorpusError("the field 'prompt_id' holds a NUL character", where=where)
    return mended(value)


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
        tokenizer = text_field(row, "tokenizer", where) if "tokenizer" in row else tokenizer
        completions.append(completion)
    if not completions:
        raise CorpusError("holds no response", where=path.name)
    return ResponseSet.of(model or stem(path), completions, tokenizer)


def parse_completion(row: dict[str, Any], where: str) -> Completion:
    """A completion from a row; fields that label it (a judge's verdict, say) are not read."""
    text = text_field(row, "response", where)
    finish = text_field(row, "finish", where) if row.get("finish") is not None else ""
    try:
        return Completion(
            text_field(row, "prompt_id", where),
            text,
            _count(row.get("sample", 0), "sample", where),
            _outcome(row, text, finish),
            finish,
            tuple(_next_token(told, where) for told in row.get("next_tokens", ())),
            *(
                None if row.get(name) is None else _count(row[name], name, where)
                for name in ("prompt_tokens", "completion_tokens")
            ),
        )
    except BadInput:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as problem:
        raise CorpusError(f"not a response: {problem!r}", where=where) from problem


def _count(value: Any, name: str, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise CorpusError(f"the field {name!r} must be a whole number from 0 to {MOST}, not {value!r}", where=where)
    return value


def _next_token(told: Mapping[str, Any], where: str) -> NextToken:
    top = tuple((mended(str(token)), float(logp)) for token, logp in told["top"])
    if not all(math.isfinite(logp) for _, logp in top):
        raise CorpusError("a log-probability in 'next_tokens' is not a finite number", where=where)
    return NextToken(_count(told["chars"], "chars", where), top)


def _outcome(row: dict[str, Any], text: str, finish: str) -> Outcome:
    if "outcome" in row:
        return Outcome(row["outcome"])
    if not text.strip():
        return Outcome.EMPTY
    return FINISH.get(finish, Outcome.COMPLETED)
