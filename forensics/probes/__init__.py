"""Probe families (one file each) and suites (data under suites/), versioned and hashed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from forensics.errors import SuiteError
from forensics.provenance import sha256_json
from forensics.records import Declaration, GenerationConfig, Message, Mode, Prompt

PACKAGE = __name__
SUITES = Path(__file__).parent / "suites"


class ProbeFamily(Protocol):
    """A plug-in: what a family of probes is for, and how its completions are drawn unless a suite says otherwise."""

    declaration: Declaration
    config: GenerationConfig


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt with the configuration that its completions are drawn by (`config.samples` repeats)."""

    prompt: Prompt
    config: GenerationConfig


@dataclass(frozen=True)
class Suite:
    """A versioned list of probes. Its hash covers name, version, prompts and configurations."""

    name: str
    version: str
    title: str
    probes: tuple[Probe, ...]

    @property
    def calls(self) -> int:
        """Probe calls that a collection of this suite makes on one model."""
        return sum(probe.config.samples for probe in self.probes)

    @cached_property
    def suite_hash(self) -> str:
        """Hex SHA-256 of the canonical JSON of the suite."""
        return sha256_json(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The suite as plain JSON, in the form of the data files."""
        return {
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "probes": [{**p.prompt.as_json(), "config": p.config.as_json()} for p in self.probes],
        }


def _probe(row: Mapping[str, Any], where: str) -> Probe:
    try:
        messages = tuple(Message(m["role"], m["content"]) for m in row["messages"])
        prompt = Prompt(
            row["prompt_id"],
            messages,
            Mode(row.get("mode", "chat")),
            row["family"],
            row.get("category", ""),
            row.get("answer"),
            row.get("cell", ""),
            row.get("language", "en"),
        )
        return Probe(prompt, GenerationConfig(**row["config"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise SuiteError(f"not a probe: {problem!r}", where=where) from problem


def parse_suite(plain: Mapping[str, Any], *, where: str = "suite") -> Suite:
    """A suite from plain JSON; raises SuiteError naming the probe that is wrong or appears twice."""
    probes = tuple(_probe(row, f"{where}, probe {i}") for i, row in enumerate(plain.get("probes", ()), start=1))
    ids = [p.prompt.prompt_id for p in probes]
    if not probes:
        raise SuiteError("has no probes", where=where)
    if len(set(ids)) < len(ids):
        raise SuiteError("the same prompt id appears twice", where=where)
    return Suite(str(plain["name"]), str(plain["version"]), str(plain.get("title", "")), probes)


def suite_names() -> tuple[str, ...]:
    """Names of the suites that ship, sorted."""
    return tuple(sorted(path.stem for path in SUITES.glob("*.json")))


def load_suite(name: str) -> Suite:
    """A suite that ships, by name; raises SuiteError with the known names."""
    path = SUITES / f"{name}.json"
    if name not in suite_names():
        raise SuiteError(f"no suite {name!r}; known: {', '.join(suite_names())}")
    return parse_suite(json.loads(path.read_text(encoding="utf-8")), where=path.name)
