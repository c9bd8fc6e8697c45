"""`compare`: every pair of a corpus scored, and pairs.csv."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics.commands.common import (
    background_option,
    background_text,
    case_of,
    compared,
    progress,
    read_models,
    weights_option,
    write_pairs,
)
from forensics.corpora import open_corpus
from forensics.lineage.against import compare_against


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("compare", parents=[common], help="score every pair of a corpus")
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    one.add_argument("--out", type=Path, required=True, help="where pairs.csv goes")
    one.add_argument("--models", type=Path, metavar="FILE", help="compare only these models, one name a line")
    background_option(one)
    weights_option(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Score every pair of a corpus and write pairs.csv."""
    source, models = open_corpus(args.dir), read_models(args.models)
    given = case_of(source, models, args) if args.background else None
    result = compare_against(given, progress) if given else compared(source, models, args)
    rows = write_pairs(result, args.out)
    told = {"pairs": rows, "models": len(result.models), "out": str(args.out), "calibration": result.calibration}
    if args.json:
        print(json.dumps(told | {"manifest": result.manifest}, allow_nan=False))
        return
    print(f"{rows} pairs of {len(result.models)} models written to {args.out}")
    if given:
        print(background_text(given.described()))
    if result.calibration["no_lr_reason"]:
        print(f"No LR reported: {result.calibration['no_lr_reason']}")
