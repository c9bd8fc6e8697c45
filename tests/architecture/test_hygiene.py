"""What must never be in the repository, and what every public function must have."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT, sources

LARGEST = 20 * 10**6
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/")
REQUIREMENT = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==\d+(\.\d+)*(\.?(post|rc|a|b)\d+)?$")


def tracked() -> list[Path]:
    """Every file in the index that still exists."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    """The words of a file, or None where it is binary."""
    data = path.read_bytes()
    return None if b"\0" in data[:8192] else data.decode("utf-8", errors="replace")


def test_no_file_is_larger_than_twenty_megabytes() -> None:
    assert [str(p) for p in tracked() if p.stat().st_size > LARGEST] == []


def test_no_path_of_one_machine_is_written_down() -> None:
    texts = ((path, text_of(path)) for path in tracked() if path != Path(__file__))
    assert [str(path) for path, text in texts if text and MACHINE_PATH.search(text)] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_plain_exact_versions(name: str) -> None:
    lines = [line.split("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and line != "-r requirements.txt"]
    assert lines
    assert [line for line in lines if not REQUIREMENT.match(line)] == []


def test_torch_is_named_before_anything_that_needs_it() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert next(line for line in lines if line and not line.startswith("#")) == "torch==2.13.0"


def test_every_public_function_of_the_engine_has_a_docstring() -> None:
    wrong = [f"{path.relative_to(ROOT)}, line {line}: {name}" for path, line, name in _undocumented()]
    assert wrong == []


def _undocumented() -> list[tuple[Path, int, str]]:
    found = []
    for path in sources("forensics").values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            found.append((path, 1, "the module"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        nodes = [*tree.body, *(node for owner in classes for node in owner.body)]
        named = [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        bare = [node for node in named if not node.name.startswith("_") and ast.get_docstring(node) is None]
        found += [(path, node.lineno, node.name) for node in bare]
    return found


def test_the_continuous_run_does_what_a_newcomer_does() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for line in ("make test", "make check", "make demo DEMO=--no-serve", "set -euo pipefail"):
        assert f"\n{line}\n" in script
