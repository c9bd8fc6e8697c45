"""What the documents say can be done, can be done: links lead somewhere, commands and options exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.imports import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
COMMAND = re.compile(r"(?:\.venv/bin/)?python (manage\.py [a-z_]+|-m forensics(?:\.zoo)? [a-z]+)([^`\n#]*)")
TARGET = re.compile(r"\bmake ([a-z]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = LINK.findall(document.read_text(encoding="utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def commands() -> set[tuple[str, tuple[str, ...]]]:
    """Every command that the documents show, with its options."""
    found = set()
    for document in DOCUMENTS:
        for command, rest in COMMAND.findall(document.read_text(encoding="utf-8")):
            options = tuple(word for word in shlex.split(rest.replace("'", "")) if word.startswith("--"))
            found.add((command, options))
    return found


@pytest.mark.parametrize("command", sorted({command for command, _ in commands()}))
def test_commands_exist_with_the_options_that_are_shown(command: str) -> None:
    run = [sys.executable, *command.split(), "--help"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = {option for told, options in commands() if told == command for option in options}
    assert [option for option in sorted(shown) if option not in done.stdout] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = {name for document in DOCUMENTS for name in TARGET.findall(_code(document))}
    assert {"demo", "test"} <= shown
    assert [name for name in sorted(shown) if f"\n{name}:" not in makefile] == []


def _code(document: Path) -> str:
    """What stands in backticks or in a block."""
    text = document.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
