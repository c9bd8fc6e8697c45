"""The files of a report's version on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.provenance import canonical_json
from webapp.casework.models import Report

RECORD, APART = "record.json", "apart.json"


def record(report: Report) -> dict[str, Any]:
    """`record` of a finished version, and `apart`: what a worker had computed for it."""
    return {name: json.loads((report.folder / f"{name}.json").read_bytes()) for name in ("record", "apart")}


def write(report: Report, files: Mapping[str, bytes], apart: Mapping[str, Any]) -> Path:
    """A folder of this attempt that holds the files; `place` puts it where it belongs."""
    folder = report.folder.with_suffix(f".draft-{report.attempt}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, body in {**files, APART: canonical_json(apart)}.items():
        (folder / name).write_bytes(body)
    return folder


def place(report: Report, folder: Path) -> None:
    """Put the folder of an attempt where the version's files lie."""
    shutil.rmtree(report.folder, ignore_errors=True)
    folder.rename(report.folder)
