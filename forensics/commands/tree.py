"""`tree`: the lineage tree of a corpus, with support."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.commands.common import background_option, case_of, compared, progress, read_models, weights_option
from forensics.corpora import open_corpus
from forensics.lineage.against import compare_against
from forensics.lineage.comparison import REPLICATES
from forensics.lineage.newick import sketch
from forensics.lineage.trees import lineage_tree
from forensics.tables import printable


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("tree", parents=[common], help="the lineage tree of a corpus, with support")
    one.add_argument("dir", type=Path, metavar="DIR", help="a recorded corpus")
    one.add_argument("--models", type=Path, metavar="FILE", help="only these models, one name a line")
    one.add_argument("--outgroup", metavar="MODEL", help="root the tree here (default: the least related model)")
    one.add_argument("--out", type=Path, metavar="FILE.nwk", help="where the Newick goes, with support in percent")
    one.add_argument("--consensus", action="store_true", help="write the majority-rule consensus instead")
    background_option(one)
    weights_option(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the lineage tree in Newick and print it."""
    source, models = open_corpus(args.dir), read_models(args.models)
    given = case_of(source, models, args, replicates=REPLICATES) if args.background else None
    result = compare_against(given, progress) if given else compared(source, models, args)
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
