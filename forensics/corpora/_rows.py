"""Reading rows of JSON from plain or gzipped files, with errors that name file and row."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forensics.errors import CorpusError

MAX_LINE = 64 << 20
SUFFIXES = (".jsonl.gz", ".jsonl")


def stem(path: Path) -> str:
    """The file's name without .jsonl or .jsonl.gz."""
    for suffix in SUFFIXES:
        if path.name.endswith(suffix):
            return path.name.removesuffix(suffix)
    return path.stem


def jsonl_files(folder: Path) -> list[Path]:
    """The .jsonl and .jsonl.gz files directly inside a folder, sorted by name."""
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) for each line, `where` naming file and line.

    Raises CorpusError for a truncated or foreign gzip, bytes that are not UTF-8, a line that is not a JSON object,
    and a line above 64 MiB.
    """
    number = 0
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rb") as handle:
            while line := handle.readline(MAX_LINE):
                number += 1
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
    except RecursionError:
        raise CorpusError("JSON nested too deeply", where=where) from None
    if not isinstance(row, dict):
        raise CorpusError(f"a JSON object was expected, not {type(row).__name__}", where=where)
    return row


def text_field(row: dict[str, Any], name: str, where: str) -> str:
    """The string under `name`; raises CorpusError when it is absent or of another type."""
    value = row.get(name)
    if not isinstance(value, str):
        kind = "is missing" if value is None else f"must be a string, not {type(value).__name__}"
        raise CorpusError(f"the field {name!r} {kind}", where=where)
    return value
