"""`proficiency`: a blind trial of the engine on a labelled recording, and its signed record."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import forensics
from forensics.commands.common import at_least, compared
from forensics.commands.recordings import corpus_hash
from forensics.commands.study import code_hash
from forensics.corpora import open_corpus
from forensics.errors import BadInput, IntegrityError
from forensics.evaluation.labels import read_labels
from forensics.evaluation.resampling import LEVEL
from forensics.lineage.records import Comparison
from forensics.provenance import canonical_json, sha256
from forensics.reports.bundle.signing import Signer, new_key, stored_key
from forensics.reports.signed_record import read_signed, signed, write_once
from forensics.studies.proficiency import DECOYS, OUTCOMES, RECORD, Blind, calls, planted, tallies, truth
from forensics.tables import printable, text_table

EXITS = (
    "Ends with status 0 when a record was written, whatever it says, or holds; 2 bad input; 5 when a seal or signature "
    "does not hold. Record and truth are never written over: a trial that went badly stays one."
)


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    told = "a blind trial on a labelled corpus, with decoys, and its signed record"
    one = commands.add_parser("proficiency", parents=[common], help=told, epilog=EXITS)
    one.add_argument("dir", nargs="?", type=Path, metavar="DIR", help="a recorded corpus with its labels")
    one.add_argument("--out", type=Path, metavar="FILE", help="the record; the sealed truth lies beside it, as .truth")
    one.add_argument("--decoys", type=at_least(0), default=2, metavar="N", help="of each planted kind (default 2)")
    one.add_argument("--sample", type=at_least(3), metavar="N", help="only so many models, drawn by the seed")
    one.add_argument("--signing-key", type=Path, metavar="FILE", help="default: signing.key of FILIATION_HOME")
    one.add_argument("--check", type=Path, metavar="FILE", help="check a record and its truth instead")
    one.add_argument("--key", default="", metavar="FINGERPRINT", help="of the key that must have signed it (--check)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Hold a trial, or check the record of one; print what it came to."""
    if (args.dir is None) == (args.check is None):
        raise BadInput("name a recorded corpus for a trial, or --check FILE, and not both")
    record, key = checked(args.check, args.key) if args.check else held(args)
    if args.json:
        print(json.dumps({"record": record, "key": key}, allow_nan=False))
        return
    print(report(record))
    print(f"{'Signature, truth and counts hold. ' if args.check else ''}Signed by the key {key}.")


def home() -> Path:
    """The folder of this installation: FILIATION_HOME, or var where the command runs."""
    return Path(os.environ.get("FILIATION_HOME") or "var")


def held(args: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """(the record that was written, the fingerprint of its key). The truth is sealed before anything is compared."""
    signer = Signer.of(stored_key(args.signing_key or home() / "signing.key", new_key))
    name = args.dir.resolve().name
    out = args.out or home() / "proficiency" / f"{name}-seed-{args.seed}.json"
    if out.exists():
        raise BadInput("is there already and is never replaced; name another file or seed", where=out.name)
    labels, source = read_labels(args.dir), open_corpus(args.dir)
    blind = planted(source, labels, seed=args.seed, decoys=args.decoys, sample=args.sample)
    sealed = canonical_json(truth(blind, labels))
    write_once(sealed, truth_file(out))
    result = compared(blind, None, args)
    opened = opened_truth(truth_file(out), sha256(sealed))
    record = record_of(blind, result, opened, args) | {"truth_sha256": sha256(sealed)}
    write_once(signed(record, signer), out)
    return record, signer.fingerprint


def truth_file(record: Path) -> Path:
    """Where the truth of a record lies."""
    return record.with_name(record.name.removesuffix(".json") + ".truth")


def opened_truth(path: Path, seal: str) -> dict[str, Any]:
    """The truth; raises IntegrityError where it is not the one that was sealed, BadInput where it is not there."""
    if not path.is_file():
        raise BadInput("the sealed truth is not beside the record; put it back, or ask for it", where=path.name)
    data = path.read_bytes()
    if sha256(data) != seal:
        raise IntegrityError(f"{path.name} is not the truth that was sealed before the comparison: judge nothing by it")
    told: dict[str, Any] = json.loads(data)
    return told


def record_of(blind: Blind, result: Comparison, opened: Mapping[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """What a trial came to, but for the seal. No name of a model is in it: codes, counts, and what made them."""
    said = calls(result)
    kinds = [unit.decoy for unit in blind.units.values()]
    return {
        "format": RECORD,
        "corpus": {
            "name": args.dir.resolve().name, "sha256": corpus_hash(args.dir), "prompts": len(blind.prompts),
            "models": len(blind.source.models), "taking_part": kinds.count(""),
        },
        "seed": args.seed,
        "command": command(args),
        "code": {"filiation": forensics.__version__, "sha256": code_hash()},
        "calibration": dict(result.calibration),
        "manifest": dict(result.manifest),
        "decoys": {kind: {"planted": kinds.count(kind), "rule": rule} for kind, rule in DECOYS.items()},
        "pairs": {"compared": len(said), "judged": len(opened["pairs"]), "undocumented": opened["undocumented"]},
        "interval": {"level": LEVEL, "kind": "exact binomial, pairs taken for independent"},
        "outcomes": OUTCOMES,
        "tallies": tallies(opened, said),
        "calls": said,
    }  # fmt: skip


def command(args: argparse.Namespace) -> str:
    """The command that makes the record again, files by their names alone."""
    words = ["python", "-m", "forensics", "proficiency", args.dir.resolve().name, "--seed", str(args.seed)]
    words += ["--decoys", str(args.decoys)]
    words += ["--sample", str(args.sample)] if args.sample else []
    words += ["--suite-hash", args.suite_hash] if args.suite_hash else []
    words += [word for file in args.calibration or () for word in ("--calibration", Path(file).name)]
    words += [word for channel in args.extra or () for word in ("--with", channel)]
    return shlex.join(words)


def checked(path: Path, key: str) -> tuple[dict[str, Any], str]:
    """(record, fingerprint of its key) of a record that holds: signature, seal of the truth, and every count made again
    from the calls and the truth. Raises IntegrityError naming what does not hold, BadInput for what is no record."""
    record, found = read_signed(path, RECORD, key)
    try:
        opened = opened_truth(truth_file(path), record["truth_sha256"])
        right = tallies(opened, record["calls"]) == record["tallies"]
        report(record)  # anybody can sign anything: what cannot be told is no record
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise BadInput(f"is signed, but is no record of a trial: {problem!r}", where=path.name) from None
    if not right:
        raise IntegrityError(f"{path.name}: the counts are not those of its calls and truth")
    return record, found


def report(record: Mapping[str, Any]) -> str:
    """A record for people: one row for each relation and decoy, and what the columns mean."""
    corpus, pairs, told = record["corpus"], record["pairs"], record["calibration"]
    lines = [
        f"Blind trial on {printable(corpus['name'])}: {corpus['taking_part']} of {corpus['models']} models, "
        f"{corpus['prompts']} prompts; {pairs['judged']} pairs judged, {pairs['undocumented']} undocumented left out.",
        text_table(
            ("decoy", "documented relation", "n", "without LR", *map(_plain, OUTCOMES)),
            list(map(_row, record["tallies"])),
        ),
        *(f"{_plain(name)}: {meaning}" for name, meaning in OUTCOMES.items()),
        "In brackets: exact 95 % intervals of the share. Pairs share models, so that the true ones are wider.",
    ]
    if reason := told["no_lr_reason"]:
        lines.append(f"No LR reported: {reason}")
    return "\n".join([*lines, f"The truth was sealed before the comparison: SHA-256 {record['truth_sha256']}."])


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _row(row: Mapping[str, Any]) -> Sequence[object]:
    counted = (
        "{n} [{low:.3f}, {high:.3f}]".format(n=row[o]["n"], low=row[o]["interval"][0], high=row[o]["interval"][1])
        for o in OUTCOMES
    )
    return row["decoy"] or None, row["relation"], row["n"], row["without_lr"], *counted
