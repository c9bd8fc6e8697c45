"""`identify`: references ranked for one questioned model."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.commands.common import background_option, case_of, compared, progress, weights_option
from forensics.corpora import ResponseSource, open_corpus
from forensics.evaluation.verbal import number
from forensics.features.population import Population
from forensics.lineage.against import compare_against
from forensics.lineage.comparison import Material
from forensics.lineage.identification import identify, read_catalogue
from forensics.lineage.inquiry import inquire
from forensics.lineage.records import PROPOSITIONS, Comparison, Identification
from forensics.records import Prompt
from forensics.tables import text_table


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("identify", parents=[common], help="rank references for one questioned model")
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    one.add_argument("--questioned", required=True, metavar="MODEL", help="the questioned model")
    one.add_argument("--references", metavar="A,B,...", help="reference models (default: all others)")
    one.add_argument("--catalogue", type=Path, metavar="CSV", help="model, family, release")
    one.add_argument("--top", type=int, default=15, help="rows to print (default 15; --json prints all)")
    background_option(one)
    weights_option(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Rank references for one questioned model."""
    catalogue = read_catalogue(args.catalogue) if args.catalogue else None
    source = open_corpus(args.dir)
    references = [name.strip() for name in args.references.split(",") if name.strip()] if args.references else None
    result, tables, prompts = _measured(source, references, args)
    found = identify(result, args.questioned, references, catalogue)
    found = inquire(found, result, tables, prompts, catalogue)
    print(
        json.dumps(_plain(asdict(found)), allow_nan=False, ensure_ascii=False) if args.json else _told(found, args.top)
    )


def _measured(
    source: ResponseSource, references: Sequence[str] | None, args: argparse.Namespace
) -> tuple[Comparison, Population, Mapping[str, Prompt]]:
    """The comparison to identify in, with the token tables and the prompts that the inquiry reads.

    Beside a background only the questioned model and its references are compared, since every pair costs.
    """
    if not args.background:
        kept: list[Material] = []
        return compared(source, None, args, kept.append), kept[0].tables, source.prompts
    case = case_of(source, None if references is None else {args.questioned, *references}, args)
    return compare_against(case, progress), case.tables(), case.prompts


def _plain(value: Any) -> Any:
    """The same with null for what is not finite."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _told(found: Identification, top: int) -> str:
    """The finding, why there is no LR, the table, then direction, alternatives and mixture."""
    reason = found.calibration["no_lr_reason"]
    header = (
        "rank",
        "reference",
        "relation",
        *(f"LR {p}" for p in PROPOSITIONS),
        "p",
        "p Holm",
        "stands out",
        "in words",
    )
    rows = [
        [
            row.rank,
            row.reference,
            row.relation,
            *("" if row.llr[p] is None else number(row.llr[p] or 0.0) for p in PROPOSITIONS),
            row.p_value,
            row.p_holm,
            "yes" if row.stands_out else "cannot be excluded" if row.candidate else "no",
            row.verbal,
        ]
        for row in found.ranking[:top]
    ]
    lines = [words for pair in found.pairs for words in pair.words]
    return "\n".join(
        [
            found.finding,
            *([f"No LR reported: {reason}"] if reason else []),
            "",
            text_table(header, rows),
            "",
            *lines,
            *([found.mixture.words] if found.mixture else []),
        ]
    )
