"""`fit`: a calibration from labelled corpora."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics.commands.common import scored_table
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.fitting import POOLED_RIDGE, TEXT_FEATURES, fit_calibration
from forensics.evaluation.fusion import RIDGE
from forensics.lineage.records import PROPOSITIONS
from forensics.tables import text_table


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("fit", parents=[common], help="fit a calibration on labelled corpora")
    one.add_argument("dirs", type=Path, nargs="+", metavar="DIR", help="labelled corpora")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the calibration goes")
    one.add_argument("--name", required=True)
    one.add_argument("--version", default="1", dest="version")
    one.add_argument("--origin", default="an analyst's own labelled population")
    told = f"weight of the ridge (default {RIDGE} for one corpus, {POOLED_RIDGE} for several)"
    one.add_argument("--ridge", type=float, help=told)
    one.add_argument("--least-prompts", type=int, default=50)
    one.add_argument("--least-models", type=int, default=20)
    one.add_argument("--counted", default="agreement", metavar="CHANNEL", help="whose prompts count (agreement)")
    one.add_argument(
        "--feature",
        action="append",
        metavar="LLR=COLUMN,...",
        help="scores to fuse for one LLR (default: the text ones)",
    )
    one.add_argument(
        "--independent", action="store_true", help="families of one name in two corpora are different lineages"
    )
    one.add_argument("--tokenizer", action="append", metavar="HASH", help="hold only for models of these tokenizers")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Fit a calibration on labelled corpora and write it as JSON."""
    tables = [scored_table(folder, args) for folder in args.dirs]
    if args.independent:
        tables = [table.independent() for table in tables]
    conditions = {
        "least_prompts": args.least_prompts,
        "least_models": args.least_models,
        "counted": args.counted,
        "suite_hashes": [args.suite_hash] if args.suite_hash else [],
        "tokenizers": args.tokenizer or [],
    }
    wanted = dict(_features(text) for text in args.feature or ()) or TEXT_FEATURES
    plain = fit_calibration(
        tables,
        name=args.name,
        version=args.version,
        origin=args.origin,
        conditions=conditions,
        features=wanted,
        ridge=args.ridge or (RIDGE if len(args.dirs) == 1 else POOLED_RIDGE),
    )
    calibrations.parse(plain, where=args.name)
    args.out.write_text(json.dumps(plain, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    rows = [[k, v["positives"], v["negatives"], v["families"], *v["bounds"]] for k, v in plain["propositions"].items()]
    print(text_table(("LLR", "positives", "negatives", "families", "lower", "upper"), rows))


def _features(text: str) -> tuple[str, tuple[str, ...]]:
    """A proposition and its score columns, from ``weights=agreement,style``."""
    proposition, _, columns = text.partition("=")
    names = tuple(name.strip().removeprefix("score_") for name in columns.split(",") if name.strip())
    if proposition not in PROPOSITIONS or not names:
        raise BadInput(f"--feature wants one of {', '.join(PROPOSITIONS)}, then = and score columns, not {text!r}")
    return proposition, names
