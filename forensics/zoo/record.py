"""A zoo's answers to a suite, written as a recorded corpus with its labels."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from forensics.adapters import Adapter, Target
from forensics.collection import collect
from forensics.errors import AdapterError, BadInput
from forensics.probes import Suite
from forensics.recording import PROMPTS, prompt_lines, write_prompts, write_responses
from forensics.records import Outcome
from forensics.registry import load
from forensics.zoo.members import LINEAGE_COLUMNS, kinship, members

PAIR_COLUMNS = ("corpus", "model_a", "model_b", "relation", "detail", "confidence")
EXCLUSION_COLUMNS = ("corpus", "model_a", "model_b", "reason")
Progress = Callable[[str], None]


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def write_labels(corpus: Path) -> None:
    """Writes lineage.csv, pairs.csv and exclusions.csv of the members into a corpus folder."""
    zoo = members()
    _write_table(corpus / "lineage.csv", LINEAGE_COLUMNS, (member.lineage_row() for member in zoo.values()))
    pairs, exclusions = [], []
    for a, b in itertools.combinations(sorted(zoo), 2):
        kin = kinship(a, b)
        row = {"corpus": corpus.name, "model_a": a, "model_b": b}
        if kin.label == "indirect":
            exclusions.append({**row, "reason": kin.detail})
        elif kin.label != "unrelated":
            pairs.append({**row, "relation": kin.label, "detail": kin.detail, "confidence": "high"})
    _write_table(corpus / "pairs.csv", PAIR_COLUMNS, pairs)
    _write_table(corpus / "exclusions.csv", EXCLUSION_COLUMNS, exclusions)


def holds_prompts(suite: Suite, corpus: Path) -> bool:
    """Whether a corpus folder holds the very prompts of a suite."""
    path = corpus / PROMPTS
    wanted = prompt_lines(probe.prompt for probe in suite.probes)
    return path.is_file() and gzip.decompress(path.read_bytes()) == wanted


def record_zoo(zoo: Path, suite: Suite, corpus: Path, progress: Progress = lambda _: None) -> None:
    """Writes a corpus of a built zoo: prompts, one file of responses per member, and the labels.

    Each response row also carries "tokenizer", the hash of the member's vocabulary.
    """
    adapter: Adapter = load("forensics.adapters", "huggingface")
    write_prompts((probe.prompt for probe in suite.probes), corpus)
    for name in members():
        if not (zoo / name).is_dir():
            raise BadInput(
                "has no such member; build the zoo first (python -m forensics.zoo build)", where=str(zoo / name)
            )
        with adapter.open(Target(str(zoo / name), name)) as session:
            answers = collect(suite, session, name=name)
        if failed := [c.prompt_id for c in answers.completions if c.outcome is Outcome.FAILED]:
            raise AdapterError(f"{name} did not answer {failed[0]} and {len(failed) - 1} more; its file is not written")
        write_responses(answers, corpus)
        progress(name)
    write_labels(corpus)
