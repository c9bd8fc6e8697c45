"""`study`: every figure of the validation on a folder of labelled recordings, as one machine-readable record."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import forensics
from forensics.commands.recordings import corpus_hash, recorded
from forensics.commands.validate import judged
from forensics.errors import CorpusError, MisleadingEvidence
from forensics.evaluation import refusals
from forensics.evaluation.findings import Row, figures_of, figures_of_refusals, figures_of_transfer
from forensics.evaluation.labels import labelled_folders
from forensics.evaluation.resampling import LEVEL, REPLICATES
from forensics.evaluation.transfer import leave_corpus_out
from forensics.evaluation.validation import turing_failures
from forensics.provenance import sha256_file, sha256_json
from forensics.tables import text_table

REFUSALS = ("speechmap", "xstest")
"""Recordings that carry labels of refusal."""


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("study", parents=[common], help="judge the engine on every labelled recording")
    one.add_argument("dir", type=Path, metavar="CORPORA", help="a folder that holds labelled recordings")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the JSON record goes")
    one.add_argument("--curve", action=argparse.BooleanOptionalAction, default=True, help="accuracy against prompts")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the record; raises MisleadingEvidence at the end where Turing's rule is broken by a reported LR."""
    folders = labelled_folders(args.dir)
    if not folders:
        raise CorpusError("holds no labelled recording", where=args.dir.name)
    rows: list[Row] = []
    code = code_hash()
    tables, failed = [], []
    for folder in folders:
        recording = recorded(folder, args)
        told = judged(recording, args, curve=args.curve)
        command = f"python -m forensics validate CORPORA/{folder.name}"
        rows += [row | {"command": command} for row in figures_of(told)]
        failed += [f"{folder.name}: {name}" for name in turing_failures(told)]
        tables.append(recording.table)
    own = "python -m forensics study CORPORA"
    for row in leave_corpus_out(tables, seed=args.seed):
        rows += [figure | {"command": own} for figure in figures_of_transfer(row)]
    if labelled := [folder for name in REFUSALS if (folder := args.dir / name).is_dir()]:
        detector = "python -m forensics.evaluation.refusals CORPORA"
        for row in refusals.report(refusals.read_labelled(labelled)):
            rows += [figure | {"command": detector} for figure in figures_of_refusals(row)]
    write(rows, code, {folder.name: corpus_hash(folder) for folder in folders}, args.out)
    counted = {name: sum(row["study"] == name for row in rows) for name in dict.fromkeys(r["study"] for r in rows)}
    print(text_table(("study", "figures"), [[name, n] for name, n in counted.items()]))
    if failed:
        raise MisleadingEvidence(f"reported LRs mislead more often than Turing's rule allows: {'; '.join(failed)}")


def write(rows: Iterable[Row], code: str, hashes: dict[str, str], out: Path) -> None:
    """Write the record: what made it, then one figure a line."""
    head = {
        "filiation": forensics.__version__,
        "code": code,
        "command": "make validate",
        "interval": {"level": LEVEL, "resampled": "families, both sides of a pair", "replicates": REPLICATES},
        "corpora": hashes,
    }
    opening = json.dumps(head, indent=1, allow_nan=False).removesuffix("\n}")
    lines = ",\n".join("  " + json.dumps(row, allow_nan=False) for row in rows)
    out.write_text(f'{opening},\n "figures": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def code_hash() -> str:
    """SHA-256 over the engine's own program and data files, by path: which code has made a record."""
    root = Path(forensics.__file__).parent
    files = sorted(path for kind in ("*.py", "*.json") for path in root.rglob(kind))
    return sha256_json({path.relative_to(root).as_posix(): sha256_file(path) for path in files})
