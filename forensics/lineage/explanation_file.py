"""An explanation on disk, as one JSON file."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forensics.errors import IntegrityError
from forensics.features.phrases import Phrase
from forensics.lineage.explanation import Cell, Explanation, Part, Probe, Term, Usage, Why
from forensics.lineage.removal import Removal


def write(told: Explanation, path: Path) -> None:
    """Write an explanation whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(asdict(told), out, allow_nan=False, ensure_ascii=True)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def read(path: Path) -> Explanation:
    """The explanation in a file; raises IntegrityError where it cannot be read."""
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Explanation(
            **plain
            | {
                "why": tuple(_why(row) for row in plain["why"]),
                "phrases": tuple(Phrase(**row | {"prompt_ids": tuple(row["prompt_ids"])}) for row in plain["phrases"]),
                "habits": tuple(Usage(**row) for row in plain["habits"]),
                "parts": tuple(Part(**row) for row in plain["parts"]),
            }
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise IntegrityError(f"the stored explanation {path.name} cannot be read: {problem}") from problem


def _why(row: dict[str, Any]) -> Why:
    fewest = Removal(**row["fewest"] | {"prompt_ids": tuple(row["fewest"]["prompt_ids"])})
    return Why(
        **row
        | {
            "bounds": tuple(row["bounds"]),
            "terms": tuple(Term(**term) for term in row["terms"]),
            "probes": tuple(Probe(**probe) for probe in row["probes"]),
            "cells": tuple(Cell(**cell) for cell in row["cells"]),
            "held": tuple(row["held"]),
            "fewest": fewest,
        }
    )
