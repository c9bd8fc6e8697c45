"""What the documents say can be done, can be done: links lead somewhere, commands and options exist."""

from __future__ import annotations

import re
import runpy
import shlex
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
def test_commands_exist_with_the_options_that_are_shown(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run in this process, since loading the libraries anew for each command would take most of a minute."""
    *module, name = command.split()
    script = ROOT / "manage.py" if module == ["manage.py"] else ROOT.joinpath(*module[-1].split("."), "__main__.py")
    monkeypatch.setattr("sys.argv", [str(script), name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    told = capsys.readouterr().out
    assert ended.value.code == 0
    shown = {option for other, options in commands() if other == command for option in options}
    assert [option for option in sorted(shown) if option not in told] == []


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = {name for document in DOCUMENTS for name in TARGET.findall(_code(document))}
    assert {"demo", "test"} <= shown
    assert [name for name in sorted(shown) if f"\n{name}:" not in makefile] == []


def _code(document: Path) -> str:
    """What stands in backticks or in a block."""
    text = document.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
