"""What a case can ask: the propositions that have a likelihood ratio, and the alternatives that each must answer.

The alternatives are those of the project's standard for case reports, section 14. The list is versioned data: a frozen
plan names its version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("propositions.json")
LEVELS = {"source": "Source: what the model was made from", "activity": "Activity: what its makers did"}


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A proposition with a calibrated LLR. `statement` holds {questioned} and {reference} for the two models."""

    relation: str
    title: str
    statement: str


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which Hp can be false. `measured`: an LR against it is calibrated; else `test` helps."""

    key: str
    title: str
    statement: str
    population: str
    test: str
    measured: bool


@cache
def _file() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return plain


def version() -> str:
    """The version of the list."""
    return str(_file()["version"])


@cache
def hypotheses() -> dict[str, Hypothesis]:
    """The propositions that may be Hp, by the relation that they claim."""
    return {row["relation"]: Hypothesis(**row) for row in _file()["hp"]}


@cache
def alternatives() -> dict[str, Alternative]:
    """Every alternative by its key, in the order of the standard."""
    return {row["key"]: Alternative(**row) for row in _file()["hd"]}


def filled(statement: str, questioned: str, reference: str) -> str:
    """A statement about two models by name. Names are put in as they are, whatever braces they hold."""
    first, *rest = statement.split("{questioned}")
    parts = [first.replace("{reference}", reference)]
    for part in rest:
        parts += [questioned, part.replace("{reference}", reference)]
    return "".join(parts)
