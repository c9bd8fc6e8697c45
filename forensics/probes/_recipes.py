"""Recipes: which probes of the pools a suite is composed of, as shipped and as drawn anew for a case."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from forensics.errors import SuiteError
from forensics.probes._pools import TIERS, Entry, core_pool, pool, secret_pool
from forensics.probes._suites import Probe, Suite
from forensics.provenance import sha256_json
from forensics.records import GenerationConfig, Prompt
from forensics.registry import load

PACKAGE = "forensics.probes"
REFERENCE = "reference"
"""Ends the category of what other probes are measured against; no draw leaves it out."""


@dataclass(frozen=True)
class Line:
    """One family's part in a suite. `core`: how many of core's probes, evenly spaced; then all entries of the pool up
    to the tier. `drawn_as`: what of the family's configuration the suite sets otherwise."""

    family: str
    tier: str
    core: int = 0
    drawn_as: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A suite as the families' shares in it."""

    name: str
    version: str
    title: str
    lines: tuple[Line, ...]


def parse_recipe(plain: Mapping[str, Any], *, where: str) -> Recipe:
    """A recipe from plain JSON; raises SuiteError naming the file."""
    try:
        lines = tuple(
            Line(row["family"], row["tier"], int(row.get("core", 0)), dict(row.get("config", {})))
            for row in plain["compose"]
        )
        return Recipe(str(plain["name"]), str(plain["version"]), str(plain["title"]), lines)
    except (KeyError, TypeError, ValueError) as problem:
        raise SuiteError(f"not a recipe: {problem!r}", where=where) from problem


def composed(recipe: Recipe) -> Suite:
    """The suite as shipped: the same probes, in the same order, always."""
    probes = [Probe(entry.prompt, _config(line)) for line in recipe.lines for entry in _shipped(line)]
    return Suite(recipe.name, recipe.version, recipe.title, tuple(probes))


def _config(line: Line) -> GenerationConfig:
    config: GenerationConfig = load(PACKAGE, line.family).config
    return replace(config, **line.drawn_as)


def _shipped(line: Line) -> list[Entry]:
    old = core_pool(line.family)
    if line.core > len(old):
        raise SuiteError(f"core holds {len(old)} probes of family {line.family!r}, not {line.core}")
    spaced = [old[i * len(old) // line.core] for i in range(line.core)]
    wanted = TIERS[: TIERS.index(line.tier) + 1]
    return [*spaced, *(entry for entry in pool(line.family) if entry.tier in wanted)]


def drawn(
    recipe: Recipe, seed: str, *, secret: Path | None = None, share: float = 0.5, without: Collection[str] = ()
) -> Suite:
    """A suite of the recipe's size for one case: probes, wordings and order chosen by the seed.

    secret: a folder of secret pools. share: the part of each family that comes from its secret pool as far as that
    reaches. without: families left out. Anything that the seed decides is a rank by SHA-256, so that it is the same on
    every machine. The name ends with eight digits of the hash of
    what was drawn; it tells nothing of the seed.
    """
    if not 0 <= share <= 1:
        raise SuiteError(f"the secret share must lie between 0 and 1, not {share}")
    lines = [line for line in recipe.lines if line.family not in without]
    if odd := set(without) - {line.family for line in recipe.lines}:
        raise SuiteError(f"{recipe.name} has no family {', '.join(sorted(odd))}")
    probes = [probe for line in lines for probe in _drawn(line, seed, secret, share)]
    if not probes:
        raise SuiteError("nothing is left to draw")
    ordered = tuple(sorted(probes, key=lambda probe: _rank(seed, "order", probe.prompt.prompt_id)))
    mark = sha256_json([{**p.prompt.as_json(), "config": p.config.as_json()} for p in ordered])[:8]
    return Suite(f"{recipe.name}-drawn-{mark}", recipe.version, f"{recipe.title} (drawn for a case)", ordered)


def _drawn(line: Line, seed: str, secret: Path | None, share: float) -> list[Probe]:
    hidden = secret_pool(secret, line.family)
    size = len(_shipped(line))
    known = (*core_pool(line.family), *pool(line.family))
    if shared := {e.prompt.prompt_id for e in hidden} & {e.prompt.prompt_id for e in known}:
        raise SuiteError(f"the secret pool of {line.family} holds ids of the public one: {', '.join(sorted(shared))}")
    kept = sum(entry.prompt.category.endswith(REFERENCE) for entry in known)
    from_hidden = _spread(hidden, min(round(size * share), size - kept), seed)
    chosen = [*from_hidden, *_spread(known, size - len(from_hidden), seed)]
    config = _config(line)
    return [Probe(_wording(entry, seed), config) for entry in chosen]


def _spread(entries: Iterable[Entry], size: int, seed: str) -> list[Entry]:
    """As many entries as wanted, or all: references first, then evenly over languages and categories.

    Systematic sampling: kinds side by side, by rank within a kind, every n-th from a start that the seed decides. Each
    entry is as likely as any other, and each kind is there by its share of the pool.
    """
    ranked = sorted(entries, key=lambda e: _rank(seed, "probe", e.prompt.prompt_id))
    first = [entry for entry in ranked if entry.prompt.category.endswith(REFERENCE)][:size]
    others = sorted((e for e in ranked if e not in first), key=lambda e: (e.prompt.language, e.prompt.category))
    wanted = min(size - len(first), len(others))
    start = int(_rank(seed, "start", *(e.prompt.prompt_id for e in others)), 16) % max(len(others), 1)
    return [*first, *(others[(start + i * len(others)) // wanted] for i in range(wanted))]


def _wording(entry: Entry, seed: str) -> Prompt:
    place = int(_rank(seed, "wording", entry.prompt.prompt_id), 16) % len(entry.wordings)
    return entry.wordings[place]


def _rank(seed: str, *parts: str) -> str:
    return hashlib.sha256("\0".join((seed, *parts)).encode()).hexdigest()
