"""Probe families (one file each) and suites, versioned and hashed.

The probes are data: pools/<family>.json. A suite under suites/ is a recipe (what it takes of each pool), or the list of
its probes as it stands (`core`).
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from forensics.errors import SuiteError
from forensics.probes._pools import SUITES, json_of, parse_pool, pool, read_json
from forensics.probes._recipes import Recipe, composed, drawn, parse_recipe
from forensics.probes._suites import Probe, Suite, is_secret, parse_suite, suite_problems
from forensics.records import Declaration, GenerationConfig

__all__ = [
    "PACKAGE",
    "Probe",
    "ProbeFamily",
    "Suite",
    "draw_suite",
    "is_secret",
    "json_of",
    "load_suite",
    "parse_pool",
    "parse_suite",
    "pool",
    "read_json",
    "suite_names",
    "suite_problems",
]
PACKAGE = __name__


class ProbeFamily(Protocol):
    """A plug-in: what a family of probes is for, and how its completions are drawn unless a suite says otherwise."""

    declaration: Declaration
    config: GenerationConfig


def suite_names() -> tuple[str, ...]:
    """Names of the suites that ship, sorted."""
    return tuple(sorted(path.stem for path in SUITES.glob("*.json")))


@cache
def load_suite(name: str) -> Suite:
    """A suite that ships, by name; raises SuiteError with the known names."""
    plain = _shipped(name)
    return parse_suite(plain, where=f"{name}.json") if "probes" in plain else composed(_recipe(name, plain))


def draw_suite(
    name: str, seed: str, *, secret: Path | None = None, share: float = 0.5, without: Collection[str] = ()
) -> Suite:
    """A suite of the size and families of one that ships, drawn anew for a case; see `_recipes.drawn`.

    Raises SuiteError for a suite that is a fixed list.
    """
    plain = _shipped(name)
    if "probes" in plain:
        raise SuiteError(f"the suite {name!r} is a fixed list and cannot be drawn; use quick, standard or deep")
    return drawn(_recipe(name, plain), seed, secret=secret, share=share, without=without)


def _shipped(name: str) -> Any:
    if name not in suite_names():
        raise SuiteError(f"no suite {name!r}; known: {', '.join(suite_names())}")
    return read_json(SUITES / f"{name}.json")


def _recipe(name: str, plain: Any) -> Recipe:
    return parse_recipe(plain, where=f"{name}.json")
