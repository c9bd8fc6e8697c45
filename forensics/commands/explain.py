"""`explain`: why the LRs of one pair are what they are."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.commands.common import at_least, background_option, case_of, compared
from forensics.corpora import open_corpus
from forensics.errors import BadInput
from forensics.lineage.comparison import Material
from forensics.lineage.content import under_own_ids
from forensics.lineage.explanation import explain
from forensics.lineage.explanation_text import explanation_text
from forensics.lineage.records import PROPOSITIONS


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("explain", parents=[common], help="why the LRs of one pair are what they are")
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    one.add_argument("--pair", nargs=2, required=True, metavar=("A", "B"), help="the two models")
    one.add_argument("--proposition", choices=PROPOSITIONS, help="one LR only (default: all)")
    one.add_argument("--top", type=at_least(1), default=10, metavar="N", help="phrases and probes (default 10)")
    background_option(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Say why the LRs of one pair are what they are."""
    source = open_corpus(args.dir)
    one, other = args.pair
    if unknown := sorted({one, other} - set(source.models)):
        raise BadInput(f"no such model: {', '.join(unknown)}", where=source.path.name)
    wanted = (args.proposition,) if args.proposition else PROPOSITIONS
    if args.background:
        case = case_of(source, (one, other), args)
        result, made = case.pair(one, other)
        words = case.words(source.responses(one))
        told = explain(result, made, case.prompts, words, other, propositions=wanted, top=args.top)
        told = under_own_ids(told, case.own)
    else:
        kept: list[Material] = []
        result = compared(source, None, args, kept.append)
        words = source.responses(one)
        told = explain(result, kept[0], source.prompts, words, other, propositions=wanted, top=args.top)
    if args.json:
        print(json.dumps(asdict(told) | {"calibration": result.calibration}, allow_nan=False))
        return
    print(explanation_text(told, args.top))
