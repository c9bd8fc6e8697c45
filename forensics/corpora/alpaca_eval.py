"""An AlpacaEval results/ folder: <model>/model_outputs.json, each a list of {instruction, output}."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from forensics.errors import CorpusError
from forensics.records import Completion, Declaration, Outcome, Prompt, ResponseSet
from forensics.transcripts import text_field

OUTPUTS = "model_outputs.json"


def prompt_id(instruction: str) -> str:
    """A stable id made from the words of the instruction."""
    return "ae-" + hashlib.sha256(instruction.encode()).hexdigest()[:16]


class AlpacaEvalResults:
    """A results folder, one sub-folder per model. Instructions that are asked twice keep their first reply."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = {file.parent.name: file for file in sorted(path.glob(f"*/{OUTPUTS}"))}
        if not self._files:
            raise CorpusError(f"has no sub-folder with {OUTPUTS}", where=path.name)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the sub-folders sorted by code point."""
        return tuple(sorted(self._files))

    @cached_property
    def prompts(self) -> Mapping[str, Prompt]:
        """Every instruction that any model was given."""
        found: dict[str, Prompt] = {}
        for file in self._files.values():
            for where, row in _rows(file):
                instruction = text_field(row, "instruction", where)
                category = row.get("dataset")
                found.setdefault(
                    prompt_id(instruction),
                    Prompt.chat(prompt_id(instruction), instruction, category=category if category else ""),
                )
        return found

    def responses(self, model: str) -> ResponseSet:
        """The outputs of one model; raises CorpusError naming file and row."""
        if model not in self._files:
            raise CorpusError(f"no model {model!r} in this folder", where=self.path.name)
        first: dict[str, Completion] = {}
        for where, row in _rows(self._files[model]):
            text = text_field(row, "output", where)
            key = prompt_id(text_field(row, "instruction", where))
            outcome = Outcome.COMPLETED if text.strip() else Outcome.EMPTY
            first.setdefault(key, Completion(key, text, 0, outcome))
        if not first:
            raise CorpusError("holds no output", where=f"{model}/{OUTPUTS}")
        return ResponseSet.of(model, first.values())


def _rows(file: Path) -> list[tuple[str, dict[str, Any]]]:
    name = f"{file.parent.name}/{file.name}"
    try:
        listed = json.loads(file.read_bytes())
    except OSError as problem:
        raise CorpusError(f"cannot be read: {problem.strerror}", where=name) from problem
    except (ValueError, RecursionError) as problem:
        raise CorpusError(f"not JSON in UTF-8: {problem}", where=name) from problem
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise CorpusError("a JSON list of objects was expected", where=name)
    return [(f"{name}, row {i}", row) for i, row in enumerate(listed, start=1)]


class AlpacaEval:
    """The reader plug-in."""

    declaration = Declaration(
        "alpaca-eval",
        "1",
        "AlpacaEval results folder",
        "tatsu-lab/alpaca_eval, results/<model>/model_outputs.json",
        limitations=("the generation settings are not recorded",),
    )

    def recognises(self, path: Path) -> bool:
        """Whether some sub-folder holds model_outputs.json."""
        return path.is_dir() and next(path.glob(f"*/{OUTPUTS}"), None) is not None

    def read(self, path: Path) -> AlpacaEvalResults:
        """Open the folder; raises CorpusError where it is empty."""
        return AlpacaEvalResults(path)


PLUGIN = AlpacaEval()
