"""`verify`: whether a bundle is the one that was sealed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from forensics.errors import IntegrityError
from forensics.reports.bundle import verify
from forensics.tables import printable


def add_parser(commands: Any, _common: argparse.ArgumentParser) -> None:
    """Add the command to the parser's commands."""
    one = commands.add_parser("verify", help="check an evidence bundle: signature, every file, the chain of custody")
    bundle_options(one)
    one.add_argument("--json", action="store_true", help="print JSON")
    one.set_defaults(run=run)


def bundle_options(one: argparse.ArgumentParser) -> None:
    """Add the bundle, and what is known of it from elsewhere."""
    one.add_argument("bundle", type=Path, metavar="BUNDLE", help="the zip file")
    one.add_argument("--key", default="", metavar="FINGERPRINT", help="of the key that must have signed it")
    one.add_argument("--head", default="", metavar="HASH", help="a custody head that was published earlier")


def run(args: argparse.Namespace) -> None:
    """Print what was found; raises IntegrityError where anything does not hold."""
    told = verify.verify(str(args.bundle), args.key, args.head)
    print(json.dumps(told) if args.json else "\n".join(map(printable, verify.sentences(told))))
    if told["faults"]:
        raise IntegrityError(f"{args.bundle.name} does not verify: get it again from whoever sealed it")
