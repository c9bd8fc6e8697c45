"""The same promises on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers.postgres import cluster
from tests.helpers.workers import ROOT

SAME_TESTS = (
    "tests/tasks/test_ledger.py",
    "tests/tasks/test_evidence.py",
    "tests/tasks/test_three_workers.py",
    "tests/webapp/test_custody.py",
    "tests/webapp/test_exporting.py",
    "tests/webapp/test_importing.py",
    "tests/tasks/test_collecting.py::test_a_worker_collects_a_suite_and_stores_what_came_back",
)


@pytest.mark.postgres
def test_the_ledger_the_custody_log_and_imports_keep_their_promises_on_postgresql() -> None:
    with cluster() as url:
        environment = {**os.environ, "DATABASE_URL": url, "FILIATION_TEST_DATABASE": "as-given"}
        # Set by this process: the one below must begin as from a shell.
        for name in [n for n in environment if n.startswith(("PYTEST_", "DJANGO_"))]:
            del environment[name]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *SAME_TESTS]
        ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-2000:]
    assert "skipped" not in ended.stdout
