"""`study`: every figure of the validation on a folder of labelled recordings, as one machine-readable record."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import forensics
from forensics.commands.common import processes, progress
from forensics.commands.recordings import Recording, channels_of, corpus_hash, recorded
from forensics.commands.validate import judged
from forensics.corpora import ResponseSource, open_corpus
from forensics.errors import BadInput, CorpusError, MisleadingEvidence
from forensics.evaluation import refusals
from forensics.evaluation.experience import SHIPPED as VALIDATED
from forensics.evaluation.findings import Row, figures_of, figures_of_refusals, figures_of_transfer
from forensics.evaluation.labels import Labels, labelled_folders, read_labels
from forensics.evaluation.pairs import PairTable
from forensics.evaluation.resampling import LEVEL, REPLICATES
from forensics.evaluation.transfer import leave_corpus_out
from forensics.evaluation.validation import turing_failures
from forensics.provenance import sha256_file, sha256_json
from forensics.studies import beside, direction, equality, mixtures, openset, population
from forensics.studies.sample import sampled
from forensics.tables import text_table

REFUSALS = ("speechmap", "xstest")
"""Recordings that carry labels of refusal."""
OF_SAMPLES = {"population": population.rows, "mixtures": mixtures.rows, "direction": direction.rows}
"""Studies that look at about every fourth prompt of a recording."""
PARTS = ("recordings", "left-out", "refusals", "open-set", *OF_SAMPLES, "equality", "beside")
Zoos = dict[str, tuple[ResponseSource, Labels]]


def _parts(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if unknown := sorted(set(names) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}; known: {', '.join(PARTS)}")
    return names


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("study", parents=[common], help="judge the engine on every labelled recording")
    one.add_argument("dir", type=Path, metavar="CORPORA", help="a folder that holds labelled recordings")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the JSON record goes")
    one.add_argument("--only", type=_parts, default=PARTS, metavar="NAME,...", help=f"of {', '.join(PARTS)}")
    one.add_argument("--zoos", type=Path, metavar="DIR", help="a folder that holds recorded zoos")
    one.add_argument("--curve", action=argparse.BooleanOptionalAction, default=True, help="accuracy against prompts")
    one.set_defaults(run=run)


@dataclass
class Told:
    """What the parts have come to so far: rows, pairs of each recording, and where Turing's rule is broken."""

    rows: list[Row] = field(default_factory=list)
    tables: list[PairTable] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, rows: Iterable[Row], command: str) -> None:
        """Rows with the command that makes them."""
        self.rows += [row | {"command": command} for row in rows]


def run(args: argparse.Namespace) -> None:
    """Write the record; raises MisleadingEvidence at the end where Turing's rule is broken by a reported LR."""
    folders = labelled_folders(args.dir)
    if not folders:
        raise CorpusError("holds no labelled recording", where=args.dir.name)
    zoos = _zoos(args.zoos)
    code, told, wanted = code_hash(), Told(), frozenset(args.only)
    if wanted & {"recordings", "left-out", "open-set", *OF_SAMPLES}:
        for folder in folders:
            _study_recording(recorded(folder, args), wanted, args, told)
    _study_all(args, wanted, zoos, told)
    hashes = {folder.name: corpus_hash(folder) for folder in (*folders, *(args.zoos / name for name in zoos))}
    write(told.rows, code, hashes, args.out)
    print(text_table(("study", "figures"), list(Counter(row["study"] for row in told.rows).items())))
    if told.failed:
        raise MisleadingEvidence(f"reported LRs mislead more often than Turing's rule allows: {'; '.join(told.failed)}")


def _zoos(folder: Path | None) -> Zoos:
    if folder is None:
        return {}
    found = {path.name: (open_corpus(path), read_labels(path)) for path in labelled_folders(folder)}
    if not found:
        raise BadInput("holds no recorded zoo", where=folder.name)
    return found


def _own(part: str, *, zoos: bool = False) -> str:
    return f"python -m forensics study CORPORA {'--zoos ZOOS ' if zoos else ''}--only {part}"


def _study_recording(recording: Recording, wanted: Collection[str], args: argparse.Namespace, told: Told) -> None:
    """Everything that is asked of one recording, which is then let go."""
    if "recordings" in wanted:
        found = judged(recording, args, curve=args.curve)
        told.add(figures_of(found), f"python -m forensics validate CORPORA/{recording.name}")
        told.failed += [f"{recording.name}: {name}" for name in turing_failures(found)]
    told.tables.append(recording.table)
    if "open-set" in wanted:
        told.add(openset.rows(recording.name, recording.result, recording.labels, seed=args.seed), _own("open-set"))
    if parts := [name for name in OF_SAMPLES if name in wanted]:
        sample = sampled(
            recording.name,
            recording.source,
            recording.labels,
            recording.result,
            recording.calibration,
            recording.ordered,
            channels_of(recording.calibration),
            jobs=processes(args.jobs, len(recording.result.models)),
        )
        for name in parts:
            progress(f"{recording.name}: {name}", 0.97)
            told.add(OF_SAMPLES[name](sample, seed=args.seed), _own(name))


def _study_all(args: argparse.Namespace, wanted: Collection[str], zoos: Zoos, told: Told) -> None:
    """Everything that is asked of the recordings together, or of zoos."""
    if "left-out" in wanted:
        for row in leave_corpus_out(told.tables, seed=args.seed):
            told.add(figures_of_transfer(row), _own("left-out"))
    if "refusals" in wanted and (labelled := [f for name in REFUSALS if (f := args.dir / name).is_dir()]):
        for row in refusals.report(refusals.read_labelled(labelled)):
            told.add(figures_of_refusals(row), "python -m forensics.evaluation.refusals CORPORA")
    if "equality" in wanted:
        told.add(_equality(args), _own("equality"))
        told.add(equality.words_of_zoos(zoos, seed=args.seed), _own("equality", zoos=True))
    if "beside" in wanted:
        told.add(beside.rows(zoos, seed=args.seed), _own("beside", zoos=True))


def _equality(args: argparse.Namespace) -> Iterator[Row]:
    """Repeated texts, of recordings with and without labels."""
    labelled = set(labelled_folders(args.dir))
    for folder in sorted(path.parent for path in args.dir.glob("*/responses")):
        progress(f"{folder.name}: equality", 0.98)
        source = open_corpus(folder)
        yield from equality.texts(folder.name, source, seed=args.seed)
        if folder in labelled:
            yield from equality.texts_of_two(folder.name, source, read_labels(folder), seed=args.seed)


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
    found = (path for kind in ("*.py", "*.json") for path in root.rglob(kind))
    files = sorted(path for path in found if path.parent != VALIDATED)  # what a study writes has made nothing
    return sha256_json({path.relative_to(root).as_posix(): sha256_file(path) for path in files})
