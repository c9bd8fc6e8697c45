"""`experience`: what a calibration did on the labelled recordings that it was fitted on, each left out in its turn."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics.commands.common import columns, compared
from forensics.commands.recordings import corpus_hash
from forensics.corpora import open_corpus
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.experience import experience
from forensics.evaluation.fusion import RIDGE
from forensics.evaluation.labels import read_labels
from forensics.evaluation.pairs import PairTable, pair_table
from forensics.tables import text_table


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    told = "curves and score distributions of a calibration, each recording left out of the fit that judges it"
    one = commands.add_parser("experience", parents=[common], help=told)
    one.add_argument("fitted", type=Path, metavar="CALIBRATION", help="the JSON that `fit` wrote")
    one.add_argument("dirs", type=Path, nargs="+", metavar="DIR", help="the labelled recordings that it was fitted on")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the record goes")
    one.add_argument(
        "--independent", action="store_true", help="families of one name in two recordings are different lineages"
    )
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the record of a calibration and print its Cllr and rates."""
    chosen = calibrations.load(args.fitted)
    plain = json.loads(args.fitted.read_text(encoding="utf-8"))
    ridges = dict.fromkeys(chosen.propositions, float(plain.get("ridge", RIDGE))) | plain.get("own_ridge", {})
    args.calibration = [str(args.fitted)]
    tables = [_table(folder, args) for folder in args.dirs]
    told = experience(tables, chosen, ridges=ridges, seed=args.seed)
    told["sha256"] = {folder.resolve().name: corpus_hash(folder) for folder in args.dirs}
    args.out.write_text(json.dumps(told, allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")
    rows = [
        [row["proposition"], row["n"], row["unrelated"], row["left_out"]["cllr"], row["left_out"]["misleading_10"]]
        for row in told["propositions"]
    ]
    print(text_table(("LLR", "n", "unrelated", "Cllr, recording left out", "LR>=10 of unrelated"), rows))


def _table(folder: Path, args: argparse.Namespace) -> PairTable:
    """A recording's pairs with their scores, and with the LRs that the calibration reports of them."""
    result = compared(open_corpus(folder), None, args)
    matrices = dict(result.scores) | columns(result)
    found = pair_table(folder.resolve().name, result.models, matrices, read_labels(folder))
    return found.independent() if args.independent else found
