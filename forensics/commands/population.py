"""`population`: zoos of many seeds, trained and recorded, and the calibration that is fitted on them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forensics.corpora import open_corpus
from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.labels import read_labels
from forensics.evaluation.pairs import PairTable, pair_table
from forensics.evaluation.zoo import CHANNEL, zoo_calibration
from forensics.lineage.comparison import channel_scores
from forensics.probes import Suite, load_suite
from forensics.tables import text_table
from forensics.zoo.population import make_population, shipped_tokenizers


def whole_numbers(text: str) -> list[int]:
    """Distinct whole numbers from 0, ascending, from ``1,2,5``."""
    found = sorted({int(part) for part in text.split(",") if part.strip()})
    if not found or found[0] < 0:
        raise argparse.ArgumentTypeError(f"wants whole numbers with commas between, not {text!r}")
    return found


def add_parser(commands: Any) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("population", help="train and record zoos of many seeds, then fit their calibration")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="holds DIR/corpus-seed-N; kept ones stay")
    one.add_argument("--seeds", type=whole_numbers, required=True, metavar="N,N,...")
    one.add_argument("--suite", default="core")
    one.add_argument("--keep-weights", action="store_true", help="keep DIR/weights-seed-N")
    one.add_argument(
        "--calibration", type=Path, metavar="FILE", help="fit on all zoos of these seeds, for the one that ships"
    )
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Make what is missing of the population, and write the calibration."""
    suite = load_suite(args.suite)
    args.out.mkdir(parents=True, exist_ok=True)
    corpora = make_population(args.out, args.seeds, suite, keep_weights=args.keep_weights, say=_say)
    if args.calibration:
        plain = fitted(corpora, suite)
        calibrations.parse(plain, where=args.calibration.name)
        args.calibration.write_text(json.dumps(plain, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        rows = [
            [k, v["positives"], v["negatives"], v["families"], *v["bounds"]] for k, v in plain["propositions"].items()
        ]
        print(text_table(("LLR", "positives", "negatives", "families", "lower", "upper"), rows))


def _say(line: str) -> None:
    print(line, flush=True)


def fitted(corpora: Sequence[Path], suite: Suite) -> dict[str, Any]:
    """The JSON of the calibration that recorded zoos give for the zoo that ships.

    Every zoo has its own tokenizers. Raises BadInput where the zoo that ships is among them: nothing may judge what it
    was fitted on.
    """
    tables: list[PairTable] = []
    tokenizers = shipped_tokenizers()
    for folder in corpora:
        source = open_corpus(folder)
        sets = [source.responses(model) for model in source.models]
        if tokenizers & {one.tokenizer for one in sets}:
            raise BadInput("is the zoo that ships, which the calibration is for; leave its seed out", where=folder.name)
        models, scores = channel_scores(sets, source.prompts, (CHANNEL,))
        tables.append(pair_table(folder.resolve().name, models, scores, read_labels(folder)))
    return zoo_calibration(tables, suite=suite.name, suite_hash=suite.suite_hash, tokenizers=tokenizers)
