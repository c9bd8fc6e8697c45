"""The size of each fault, and its row in the table at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.faults import table
from tests.faults.stage import Stage
from tests.faults.table import Found

FULL, ROWS = "FILIATION_FAULTS", "FILIATION_FAULTS_ROWS"
"""`full` for the sizes of the matrix; a file that rows are written to as well, for a process that started this one."""
T = TypeVar("T")
Report = Callable[[str, str, Found, Mapping[str, bool]], None]


@pytest.fixture
def size() -> Callable[[T, T], T]:
    """Of two sizes, that of the continuous run or that of the matrix."""
    is_full = os.environ.get(FULL) == "full"
    return lambda bounded, full: full if is_full else bounded


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Report:
    """Puts a fault's row into the table, then fails where it missed a bar."""

    def put(fault: str, load: str, found: Found, bars: Mapping[str, bool]) -> None:
        row = table.judged(fault, load, found, bars)
        keep_row(request.node, row.as_json())
        assert row.missed == (), f"{row}"

    return put


def keep_row(node: pytest.Item, line: str) -> None:
    """Let the line travel with the test's result, which reaches the process that prints."""
    node.user_properties.append(("fault", line))
    if path := os.environ.get(ROWS):
        with Path(path).open("a") as rows:
            rows.write(f"{line}\n")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Where a fault is played."""
    return Stage(tmp_path, monkeypatch)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table."""
    ended = [r for kind in ("passed", "failed") for r in terminalreporter.stats.get(kind, []) if r.when == "call"]
    rows = [table.read(line) for r in ended for name, line in r.user_properties if name == "fault"]
    if rows:
        terminalreporter.section("faults")
        terminalreporter.write_line(table.markdown(rows))
