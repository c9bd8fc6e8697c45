"""`recompute`: a bundle's comparison, made again from the raw replies."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.commands.common import at_least, cache_folder, folders_of, progress, weights_option
from forensics.commands.verify import bundle_options
from forensics.errors import IntegrityError
from forensics.reports.bundle.contents import opened
from forensics.reports.bundle.recompute import Recomputed, recompute
from forensics.tables import printable, text_table


def add_parser(commands: Any, _common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("recompute", help="make a bundle's scores and likelihood ratios again from raw replies")
    bundle_options(one)
    one.add_argument("--probes", type=Path, metavar="FILE", help="the probes, where the bundle holds their hash alone")
    one.add_argument("--jobs", type=at_least(1), default=1, metavar="N", help="processes (default 1)")
    one.add_argument("--json", action="store_true", help="print JSON")
    weights_option(one)
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print what came of every column; raises IntegrityError where one differs, or a reply does not say its words."""
    with opened(args.bundle, key=args.key, head=args.head) as bundle:
        folders = folders_of(args, [told["model"] for told in bundle.index if told["compared"]])
    found = recompute(
        args.bundle,
        key=args.key,
        head=args.head,
        probes=args.probes,
        folders=folders,
        cache=cache_folder(),
        jobs=args.jobs,
        progress=progress,
    )
    print(json.dumps(asdict(found) | {"holds": found.holds}) if args.json else _told(found))
    if not found.holds:
        what = f"{len(found.differs)} columns differ, {len(found.doctored)} replies do not say what stands for them"
        raise IntegrityError(f"{args.bundle.name} does not recompute: {what}")


def _told(found: Recomputed) -> str:
    rows = [(column.name, column.state, column.numbers, column.told) for column in found.columns]
    lines = [
        f"{found.models} models; {found.reread} replies read again from their raw bytes, "
        f"{found.recorded} taken as they were recorded elsewhere.",
        text_table(("what", "made again", "numbers", ""), rows),
        *map(printable, found.doctored),
    ]
    verdict = "Every score and likelihood ratio came out as stored." if found.holds else "NOT what was stored."
    return "\n".join([*lines, verdict])
