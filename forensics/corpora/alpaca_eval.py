"""An AlpacaEval results/ folder: <model>/model_outputs.json, each a list of {instruction, output}; or one such file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from forensics.corpora._rows import bounded, head, parsed
from forensics.errors import CorpusError
from forensics.records import Completion, Declaration, Outcome, Prompt, ResponseSet
from forensics.transcripts import text_field

OUTPUTS = "model_outputs.json"


def prompt_id(instruction: str) -> str:
    """A stable id made from the words of the instruction."""
    return "ae-" + hashlib.sha256(instruction.encode()).hexdigest()[:16]


class AlpacaEvalResults:
    """A results folder, one sub-folder per model, or one file. An instruction asked twice keeps its first reply."""

    def __init__(self, path: Path) -> None:
        self.path = path
        files = [path] if path.is_file() else sorted(path.glob(f"*/{OUTPUTS}"))
        self._files = {_generator(file) if file == path else file.parent.name: file for file in files}
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
    listed = parsed(bounded(file), name)
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        raise CorpusError("a JSON list of objects was expected", where=name)
    return [(f"{name}, row {i}", row) for i, row in enumerate(listed, start=1)]


def _generator(file: Path) -> str:
    """The model that a single file says it is from, in every row the same; its name where it says nothing."""
    named = {row.get("generator") for _, row in _rows(file)}
    if len(named) > 1:
        raise CorpusError("holds the outputs of several generators; divide it", where=file.name)
    return str((named.pop() if named else "") or file.stem)


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
        """Whether some sub-folder holds model_outputs.json, or the file itself begins as one."""
        if path.is_dir():
            return next(path.glob(f"*/{OUTPUTS}"), None) is not None
        begun = head(path)
        return path.suffix == ".json" and begun.lstrip().startswith(b"[") and b'"instruction"' in begun

    def read(self, path: Path) -> AlpacaEvalResults:
        """Open the folder; raises CorpusError where it is empty."""
        return AlpacaEvalResults(path)


PLUGIN = AlpacaEval()
