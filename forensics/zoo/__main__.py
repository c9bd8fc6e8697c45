"""python -m forensics.zoo train | build | record | list | population | power | weights."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

# Before torch is imported: spinning threads of several workers slow each other down more than tenfold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from forensics.commands import population, power, zoo_weights
from forensics.errors import ForensicsError
from forensics.probes import load_suite
from forensics.zoo.build import build_zoo
from forensics.zoo.members import WEIGHTS, clear_cases, members
from forensics.zoo.record import record_zoo
from forensics.zoo.training import train_zoo


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _train(options: argparse.Namespace) -> None:
    train_zoo(options.seed, options.out, _say)


def _build(options: argparse.Namespace) -> None:
    build_zoo(options.folder, options.weights, _say)


def _record(options: argparse.Namespace) -> None:
    record_zoo(options.zoo, load_suite(options.suite), options.out, _say)


def _list(options: argparse.Namespace) -> None:
    if options.json:
        told = {
            "members": [dataclasses.asdict(member) for member in members().values()],
            "clear_cases": [dataclasses.asdict(case) for case in clear_cases()],
        }
        _say(json.dumps(told, indent=1))
        return
    for member in members().values():
        _say(f"{member.model:22} {member.developer:20} {member.relation_notes}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m forensics.zoo", description="Small real models, known lineage.")
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train every member from scratch (about five minutes on one core)")
    train.add_argument("--seed", type=int, required=True)
    train.add_argument("--out", type=Path, required=True)
    train.set_defaults(run=_train)
    build = commands.add_parser("build", help="write every member as a Hugging Face folder")
    build.add_argument("folder", type=Path)
    build.add_argument("--weights", type=Path, default=WEIGHTS, help="a folder that train wrote (default: shipped)")
    build.set_defaults(run=_build)
    record = commands.add_parser("record", help="send a suite to a built zoo and write a recorded corpus")
    record.add_argument("--zoo", type=Path, required=True)
    record.add_argument("--suite", default="core")
    record.add_argument("--out", type=Path, required=True)
    record.set_defaults(run=_record)
    listing = commands.add_parser("list", help="the members and where they come from")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_list)
    population.add_parser(commands)
    power.add_parser(commands)
    zoo_weights.add_parser(commands)
    return parser


def main(argv: list[str] | None = None) -> int:
    """The exit code."""
    options = _parser().parse_args(argv)
    try:
        options.run(options)
    except ForensicsError as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
