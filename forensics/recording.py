"""Writes a recorded corpus in our own format: prompts.jsonl.gz beside responses/<model>.jsonl.gz."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from forensics.records import Prompt, ResponseSet

PROMPTS, RESPONSES = "prompts.jsonl.gz", "responses"
# What every file system takes as it stands, and no reader of the format mistakes for an ending.
PLAIN = re.compile(r"\w[\w.@+ -]{0,150}", re.ASCII)


def file_name(model: str) -> str:
    """The name that a model's file can bear, without its ending: its own where that is plain, else a hash of it.

    Whoever reads the folder knows the model by it.
    """
    if PLAIN.fullmatch(model) and not model.endswith((" ", ".", ".jsonl", ".jsonl.gz")):
        return model
    return f"model-{hashlib.sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def prompt_lines(prompts: Iterable[Prompt]) -> bytes:
    """The bytes of prompts.jsonl before they are packed."""
    return _lines({**prompt.as_json(), "prompt": prompt.text} for prompt in prompts)


def write_prompts(prompts: Iterable[Prompt], folder: Path) -> None:
    """Writes prompts.jsonl.gz into a corpus folder; the same prompts give the same bytes."""
    _write(folder / PROMPTS, prompt_lines(prompts))


def write_responses(answers: ResponseSet, folder: Path) -> Path:
    """The file that a model's completions were written to, with the hash of its tokenizer in every row."""
    path = folder / RESPONSES / f"{file_name(answers.model)}.jsonl.gz"
    _write(path, _lines({**c.as_json(), "tokenizer": answers.tokenizer} for c in answers.completions))
    return path


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows).encode()


def _write(path: Path, lines: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(lines, mtime=0))
