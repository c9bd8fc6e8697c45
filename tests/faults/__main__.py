"""``python -m tests.faults [GROUP ...] [--bounded]``: the faults of the reliability matrix in full, and their table.

GROUP is workers, broker, database, servers, throttling, replies or schedules; all where none is named.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GROUPS = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))


def main() -> int:
    """pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--bounded", action="store_true", help="the sizes of the continuous run")
    parser.add_argument("--only", default="", help="tests whose name matches, as pytest's -k")
    asked = parser.parse_args()
    os.environ["FILIATION_FAULTS"] = "bounded" if asked.bounded else "full"
    files = [str(HERE / f"test_{group}.py") for group in asked.groups or GROUPS]
    limits = ["-o", "timeout=3600", "-p", "no:cacheprovider", "--durations=0", "--durations-min=5"]
    return int(pytest.main([*limits, *(["-k", asked.only] if asked.only else []), *files]))


if __name__ == "__main__":
    sys.exit(main())
