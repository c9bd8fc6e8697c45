"""The engine from a shell: python -m forensics compare | identify | tree | explain | validate | study | fit."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import forensics
from forensics.commands import study, validate
from forensics.commands.common import compared, scored_table, write_pairs
from forensics.corpora import open_corpus
from forensics.errors import BadInput, ForensicsError
from forensics.evaluation import calibration as calibrations
from forensics.evaluation.fitting import POOLED_RIDGE, TEXT_FEATURES, fit_calibration
from forensics.evaluation.fusion import RIDGE
from forensics.evaluation.verbal import number
from forensics.lineage.comparison import Material
from forensics.lineage.explanation import explain
from forensics.lineage.explanation_text import explanation_text
from forensics.lineage.identification import identify, read_catalogue
from forensics.lineage.inquiry import inquire
from forensics.lineage.newick import sketch
from forensics.lineage.records import PROPOSITIONS, Identification
from forensics.lineage.trees import lineage_tree
from forensics.tables import printable, text_table


def _at_least(least: int) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return whole_number


def _read_models(path: Path | None) -> list[str] | None:
    """Model names, one a line, blank lines and # comments left out."""
    if path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"cannot be read: {problem}", where=path.name) from problem
    names = [line.strip() for line in lines]
    return list(dict.fromkeys(name for name in names if name and not name.startswith("#")))


def run_compare(args: argparse.Namespace) -> None:
    """Score every pair of a corpus and write pairs.csv."""
    result = compared(open_corpus(args.dir), _read_models(args.models), args)
    rows = write_pairs(result, args.out)
    told = {"pairs": rows, "models": len(result.models), "out": str(args.out), "calibration": result.calibration}
    if args.json:
        print(json.dumps(told | {"manifest": result.manifest}, allow_nan=False))
        return
    print(f"{rows} pairs of {len(result.models)} models written to {args.out}")
    if result.calibration["no_lr_reason"]:
        print(f"No LR reported: {result.calibration['no_lr_reason']}")


def run_identify(args: argparse.Namespace) -> None:
    """Rank references for one questioned model."""
    catalogue = read_catalogue(args.catalogue) if args.catalogue else None
    source, kept = open_corpus(args.dir), list[Material]()
    result = compared(source, None, args, kept.append)
    references = [name.strip() for name in args.references.split(",") if name.strip()] if args.references else None
    found = identify(result, args.questioned, references, catalogue)
    found = inquire(found, result, kept[0].tables, source.prompts, catalogue)
    print(
        json.dumps(_plain(asdict(found)), allow_nan=False, ensure_ascii=False) if args.json else _told(found, args.top)
    )


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


def run_tree(args: argparse.Namespace) -> None:
    """Write the lineage tree in Newick and print it."""
    result = compared(open_corpus(args.dir), _read_models(args.models), args)
    tree = lineage_tree(result, outgroup=args.outgroup)
    written = tree.consensus if args.consensus else tree.newick
    if args.out:
        part = args.out.with_name(args.out.name + ".part")
        part.write_text(written + "\n", encoding="utf-8")
        part.replace(args.out)
    if args.json:
        print(json.dumps(asdict(tree) | {"manifest": result.manifest}, allow_nan=False))
        return
    print(sketch(tree, ascii_only="utf" not in (sys.stdout.encoding or "").lower()))
    chosen = "as asked" if args.outgroup else "the model with the least evidence of kinship to any other"
    print(f"\nRooted at {printable(tree.outgroup)}, {chosen}; the root says nothing about direction.")
    print(f"Support is the share of {tree.replicates} bootstrap replicates over prompts that hold a branch.")
    if tree.left_out:
        print(f"Left out, since some distances are not estimable: {', '.join(map(printable, tree.left_out))}")


def run_explain(args: argparse.Namespace) -> None:
    """Say why the LRs of one pair are what they are."""
    source = open_corpus(args.dir)
    one, other = args.pair
    if unknown := sorted({one, other} - set(source.models)):
        raise BadInput(f"no such model: {', '.join(unknown)}", where=source.path.name)
    kept: list[Material] = []
    result = compared(source, None, args, kept.append)
    wanted = (args.proposition,) if args.proposition else PROPOSITIONS
    told = explain(result, kept[0], source.prompts, source.responses(one), other, propositions=wanted, top=args.top)
    if args.json:
        print(json.dumps(asdict(told) | {"calibration": result.calibration}, allow_nan=False))
        return
    print(explanation_text(told, args.top))


def _features(text: str) -> tuple[str, tuple[str, ...]]:
    """A proposition and its score columns, from ``weights=agreement,style``."""
    proposition, _, columns = text.partition("=")
    names = tuple(name.strip().removeprefix("score_") for name in columns.split(",") if name.strip())
    if proposition not in PROPOSITIONS or not names:
        raise BadInput(f"--feature wants one of {', '.join(PROPOSITIONS)}, then = and score columns, not {text!r}")
    return proposition, names


def run_fit(args: argparse.Namespace) -> None:
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


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m forensics", description="Evidence of language-model lineage.")
    top.add_argument("--version", action="version", version=forensics.__version__)
    commands = top.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--jobs", type=_at_least(1), metavar="N", help="processes (default: one a core, from 32 models on)"
    )
    common.add_argument("--seed", type=_at_least(0), default=0, help="seed of the bootstrap (default 0)")
    common.add_argument("--json", action="store_true", help="print JSON")
    common.add_argument("--suite-hash", default="", help="hash of the probe suite, for calibrations tied to one")
    common.add_argument("--calibration", action="append", metavar="FILE", help="use this calibration, not the shipped")
    common.add_argument(
        "--with",
        action="append",
        dest="extra",
        metavar="CHANNEL",
        help="run this one too of the channels that run on request only",
    )

    one = commands.add_parser("compare", parents=[common], help="score every pair of a corpus")
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    one.add_argument("--out", type=Path, required=True, help="where pairs.csv goes")
    one.add_argument("--models", type=Path, metavar="FILE", help="compare only these models, one name a line")
    one.set_defaults(run=run_compare)

    two = commands.add_parser("identify", parents=[common], help="rank references for one questioned model")
    two.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    two.add_argument("--questioned", required=True, metavar="MODEL", help="the questioned model")
    two.add_argument("--references", metavar="A,B,...", help="reference models (default: all others)")
    two.add_argument("--catalogue", type=Path, metavar="CSV", help="model, family, release")
    two.add_argument("--top", type=int, default=15, help="rows to print (default 15; --json prints all)")
    two.set_defaults(run=run_identify)

    validate.add_parser(commands, common)
    study.add_parser(commands, common)

    four = commands.add_parser("fit", parents=[common], help="fit a calibration on labelled corpora")
    four.add_argument("dirs", type=Path, nargs="+", metavar="DIR", help="labelled corpora")
    four.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the calibration goes")
    four.add_argument("--name", required=True)
    four.add_argument("--version", default="1", dest="version")
    four.add_argument("--origin", default="an analyst's own labelled population")
    told = f"weight of the ridge (default {RIDGE} for one corpus, {POOLED_RIDGE} for several)"
    four.add_argument("--ridge", type=float, help=told)
    four.add_argument("--least-prompts", type=int, default=50)
    four.add_argument("--least-models", type=int, default=20)
    four.add_argument("--counted", default="agreement", metavar="CHANNEL", help="whose prompts count (agreement)")
    four.add_argument(
        "--feature",
        action="append",
        metavar="LLR=COLUMN,...",
        help="scores to fuse for one LLR (default: the text ones)",
    )
    four.add_argument(
        "--independent", action="store_true", help="families of one name in two corpora are different lineages"
    )
    four.add_argument("--tokenizer", action="append", metavar="HASH", help="hold only for models of these tokenizers")
    four.set_defaults(run=run_fit)

    five = commands.add_parser("tree", parents=[common], help="the lineage tree of a corpus, with support")
    five.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    five.add_argument("--models", type=Path, metavar="FILE", help="only these models, one name a line")
    five.add_argument("--outgroup", metavar="MODEL", help="root the tree here (default: the least related model)")
    five.add_argument("--out", type=Path, metavar="FILE.nwk", help="where the Newick goes, with support in percent")
    five.add_argument("--consensus", action="store_true", help="write the majority-rule consensus instead")
    five.set_defaults(run=run_tree)

    six = commands.add_parser("explain", parents=[common], help="why the LRs of one pair are what they are")
    six.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    six.add_argument("--pair", nargs=2, required=True, metavar=("A", "B"), help="the two models")
    six.add_argument("--proposition", choices=PROPOSITIONS, help="one LR only (default: all)")
    six.add_argument("--top", type=_at_least(1), default=10, metavar="N", help="phrases and probes (default 10)")
    six.set_defaults(run=run_explain)
    return top


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 done, or the `exit_code` of what was raised: 2 bad input, 3 unreachable model, 5 integrity, 6
    misleading LRs, 1 anything else of ours."""
    args = parser().parse_args(argv)
    try:
        args.run(args)
    except ForensicsError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:
        # The reader of a pipe left early (head, say): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as problem:
        print(f"error: {problem.filename or args.command}: {problem.strerror}", file=sys.stderr)
        return BadInput.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
