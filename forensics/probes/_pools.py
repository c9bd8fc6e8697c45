"""Pools: the probes of one family that suites are composed of, public ones here and secret ones in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from forensics.errors import SuiteError
from forensics.probes._suites import HIDDEN, Suite, parse_prompt, parse_suite
from forensics.records import Message, Prompt

POOLS = Path(__file__).parent / "pools"
SUITES = Path(__file__).parent / "suites"
SEED_SUITE = "core"
TIERS = ("quick", "standard", "deep")
HEADER = frozenset({"family", "version", "mode", "frame", "probes"})
FIELDS = frozenset({"id", "text", "turns", "also", "category", "cell", "language", "answer", "lure", "tier"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One probe of a pool. `wordings`: the prompt, then its paraphrases. `tier`: the smallest suite that holds it, ''
    where only drawn suites do. `lure`: the wrong answer that a trick question invites."""

    wordings: tuple[Prompt, ...]
    tier: str = ""
    lure: str = ""

    @property
    def prompt(self) -> Prompt:
        """The first wording."""
        return self.wordings[0]

    @property
    def secret(self) -> Entry:
        """The same, marked as from a secret pool."""
        marked = tuple(replace(p, category=HIDDEN + (p.category or p.family)) for p in self.wordings)
        return replace(self, wordings=marked)


def read_json(path: Path) -> Any:
    """What a JSON file holds; raises SuiteError that names the file."""
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise SuiteError(f"cannot be read: {problem.strerror}", where=path.name) from problem
    return json_of(raw, where=path.name)


def json_of(raw: bytes, *, where: str) -> Any:
    """What JSON bytes hold; raises SuiteError."""
    try:
        return json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as problem:
        raise SuiteError(f"cannot be read as JSON: {problem}", where=where) from problem


def parse_pool(plain: Mapping[str, Any], *, where: str) -> tuple[Entry, ...]:
    """The entries of a pool; raises SuiteError naming the probe that is wrong or appears twice."""
    if not isinstance(plain, Mapping) or not plain.get("family") or not isinstance(plain.get("probes"), list):
        raise SuiteError("is no pool: an object with family, version and a list of probes", where=where)
    if odd := set(plain) - HEADER:
        raise SuiteError(f"unknown field {', '.join(sorted(odd))}", where=where)
    entries = tuple(_entry(row, plain, f"{where}, probe {i}") for i, row in enumerate(plain["probes"], start=1))
    ids = [entry.prompt.prompt_id for entry in entries]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise SuiteError(f"the same id appears twice: {', '.join(twice)}", where=where)
    return entries


def _entry(row: Mapping[str, Any], head: Mapping[str, Any], where: str) -> Entry:
    try:
        if odd := set(row) - FIELDS:
            raise ValueError(f"unknown field {', '.join(sorted(odd))}")
        if (tier := row.get("tier", "")) not in ("", *TIERS):
            raise ValueError(f"tier must be one of {', '.join(TIERS)}, not {tier!r}")
        first = _prompt(row, head)
        frame, also = head.get("frame", "{text}"), row.get("also", [])
        if not isinstance(also, list) or not all(isinstance(text, str) and text.strip() for text in also):
            raise ValueError("also must be a list of texts")
        others = tuple(
            replace(first, prompt_id=f"{first.prompt_id}~{k}", messages=_reworded(first, _framed(text, frame)))
            for k, text in enumerate(also, start=1)
        )
        return Entry((first, *others), tier, str(row.get("lure", "")))
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        named = f"{where} ({row['id']})" if isinstance(row, Mapping) and "id" in row else where
        said = f"the field {problem} is missing" if isinstance(problem, KeyError) else str(problem)
        raise SuiteError(f"not a probe: {said}", where=named) from problem


def _prompt(row: Mapping[str, Any], head: Mapping[str, Any]) -> Prompt:
    texts = row["turns"] if "turns" in row else [_framed(row["text"], head.get("frame", "{text}"))]
    roles = ["user" if (len(texts) - i) % 2 else "assistant" for i in range(len(texts))]
    turns = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
    same = {name: row[name] for name in ("category", "cell", "language", "answer") if name in row}
    mode = head.get("mode", "chat")
    return parse_prompt({"prompt_id": row["id"], "family": head["family"], "mode": mode, "messages": turns, **same})


def _framed(text: str, frame: str) -> str:
    return frame.replace("{text}", text)


def _reworded(prompt: Prompt, text: str) -> tuple[Message, ...]:
    return (*prompt.messages[:-1], Message("user", text))


@cache
def core_suite() -> Suite:
    """The suite whose probes are the oldest part of the pools."""
    path = SUITES / f"{SEED_SUITE}.json"
    return parse_suite(read_json(path), where=path.name)


@cache
def core_pool(family: str) -> tuple[Entry, ...]:
    """The probes of a family that stand in the suite `core`, in its order."""
    return tuple(Entry((probe.prompt,)) for probe in core_suite().probes if probe.prompt.family == family)


@cache
def pool(family: str) -> tuple[Entry, ...]:
    """The public pool of a family beside `core`, in the order of its file; empty where there is none."""
    path = POOLS / f"{family}.json"
    return parse_pool(read_json(path), where=path.name) if path.is_file() else ()


def secret_pool(folder: Path | None, family: str) -> tuple[Entry, ...]:
    """The secret pool of a family in a folder, `<family>.json`; empty where there is none."""
    path = folder / f"{family}.json" if folder else None
    if path is None or not path.is_file():
        return ()
    plain = read_json(path)
    entries = parse_pool(plain, where=path.name)
    if plain["family"] != family:
        raise SuiteError(
            f"is a pool of {plain['family']!r}; the file must be called {plain['family']}.json", where=path.name
        )
    return tuple(entry.secret for entry in entries)
