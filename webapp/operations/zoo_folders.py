"""The zoo's members as weights folders below FILIATION_HOME, built once for each set of shipped weights."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from forensics.provenance import sha256_file, sha256_json
from forensics.zoo.members import FILE, WEIGHTS, members
from webapp.operations.group import GroupError


def zoo_hash(weights: Path = WEIGHTS) -> str:
    """Hex SHA-256 over the members' table and the shipped weights."""
    files = [FILE, *sorted(path for path in weights.iterdir() if path.is_file())]
    return sha256_json([[path.name, sha256_file(path)] for path in files])


def zoo_folder(home: Path, weights: Path, moving: Callable[[str], None]) -> tuple[Path, bool]:
    """The folder that holds every member, and whether it had to be built now. A half-built one is never taken."""
    folder = home / "zoo" / zoo_hash(weights)[:16]
    if folder.is_dir():
        return folder, False
    draft = folder.with_suffix(f".draft-{os.getpid()}")
    for done, name in enumerate(_build(draft, weights), start=1):
        moving(f"building the zoo: {done} of {len(members())} members ({name})")
    draft.rename(folder)
    return folder, True


def _build(folder: Path, weights: Path) -> Iterator[str]:
    """Build in a process of its own, since it loads torch, which this one can do without. Gives each member's name."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "forensics.zoo", "build", str(folder), "--weights", str(weights)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        yield from (line.strip() for line in process.stdout)
        words = process.stderr.read()
    if process.returncode:
        raise GroupError(f"the zoo could not be built: {words.strip()}")
