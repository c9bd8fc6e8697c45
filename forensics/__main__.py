"""The engine from a shell: `python -m forensics COMMAND`, one file a command in `forensics.commands`."""

from __future__ import annotations

import argparse
import os
import sys

import forensics
from forensics.commands import (
    compare,
    experience,
    explain,
    fit,
    freeze,
    identify,
    proficiency,
    recompute,
    study,
    suite,
    tree,
    validate,
    verify,
    weights,
)
from forensics.commands.common import at_least
from forensics.errors import BadInput, ForensicsError

COMMANDS = (
    compare,
    identify,
    validate,
    proficiency,
    study,
    fit,
    experience,
    tree,
    explain,
    freeze,
    suite,
    weights,
    verify,
    recompute,
)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m forensics", description="Evidence of language-model lineage.")
    top.add_argument("--version", action="version", version=forensics.__version__)
    commands = top.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add_parser(commands, common_options())
    return top


def common_options() -> argparse.ArgumentParser:
    """The options of every command that compares."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--jobs", type=at_least(1), metavar="N", help="processes (default: one a core, from 32 models on)"
    )
    common.add_argument("--seed", type=at_least(0), default=0, help="seed of the bootstrap (default 0)")
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
    return common


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
