"""`freeze`: a background of recorded models in one file, fingerprints and no replies."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics.commands.common import frozen
from forensics.lineage.frozen_file import write_frozen


def add_parser(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("freeze", parents=[common], help="write models as a background for --background")
    one.add_argument("dirs", type=Path, nargs="+", metavar="PATH", help="recorded corpora, or frozen files")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the background goes")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the file and say its hash."""
    background = frozen(args.dirs, args)
    write_frozen(background, args.out)
    told = {"models": len(background.models), "prompts": len(background.prompts), "hash": background.hash}
    if args.json:
        print(json.dumps(told | {"out": str(args.out)}, allow_nan=False))
        return
    print(f"{told['models']} models on {told['prompts']} prompts frozen in {args.out}, hash {told['hash']}")
