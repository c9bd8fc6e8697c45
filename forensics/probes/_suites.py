"""Probes and suites as records, and their plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from forensics.errors import BadInput, SuiteError
from forensics.provenance import sha256_json
from forensics.records import GenerationConfig, Message, Mode, Prompt

ROLES = frozenset({"system", "user", "assistant"})
FIELDS = frozenset(f.name for f in fields(Prompt)) | {"config"}
HIDDEN = "secret/"


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


def is_secret(prompt: Prompt) -> bool:
    """Whether a probe comes from a secret pool: its category says so, which no target ever sees.

    Replies to these and to the public ones are what a check for a target that knows the public probes compares.
    """
    return prompt.category.startswith(HIDDEN)


def messages_of(rows: Sequence[Mapping[str, str]]) -> tuple[Message, ...]:
    """The turns of a prompt; raises ValueError unless they end with words of the user's."""
    turns = tuple(Message(row["role"], row["content"]) for row in rows)
    if odd := {turn.role for turn in turns} - ROLES:
        raise ValueError(f"a turn is by {', '.join(sorted(odd))}; it must be by {', '.join(sorted(ROLES))}")
    if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
        raise ValueError("the last turn must be the user's, and hold words")
    return turns


def parse_prompt(row: Mapping[str, Any]) -> Prompt:
    """A prompt from plain JSON; raises KeyError, TypeError or ValueError with what is wrong."""
    if odd := set(row) - FIELDS:
        raise ValueError(f"unknown field {', '.join(sorted(odd))}")
    mode, turns = Mode(row.get("mode", "chat")), messages_of(row["messages"])
    if mode is Mode.RAW and len(turns) > 1:
        raise ValueError("a raw prompt is one text")
    texts = {name: row.get(name, default) for name, default in (("category", ""), ("cell", ""), ("language", "en"))}
    for name, value in {"prompt_id": row["prompt_id"], "family": row["family"], **texts}.items():
        if not isinstance(value, str) or (not value and name not in ("category", "cell")):
            raise ValueError(f"{name} must be a text, not {value!r}")
    if (answer := row.get("answer")) is not None and not (isinstance(answer, str) and answer.strip()):
        raise ValueError(f"answer must be a text, not {answer!r}")
    return Prompt(row["prompt_id"], turns, mode, row["family"], answer=answer, **texts)


def parse_probe(row: Mapping[str, Any], where: str) -> Probe:
    """A probe from plain JSON; raises SuiteError that names it."""
    named = f"{where} ({row['prompt_id']})" if isinstance(row, Mapping) and "prompt_id" in row else where
    try:
        return Probe(parse_prompt(row), GenerationConfig(**row["config"]))
    except KeyError as problem:
        raise SuiteError(f"the field {problem} is missing", where=named) from problem
    except (AttributeError, BadInput, TypeError, ValueError) as problem:
        raise SuiteError(f"not a probe: {problem}", where=named) from problem


def parse_suite(plain: Mapping[str, Any], *, where: str = "suite") -> Suite:
    """A suite from plain JSON; raises SuiteError naming the first probe that is wrong or appears twice."""
    for problem in suite_problems(plain, where=where):
        raise problem
    probes = tuple(parse_probe(row, where) for row in plain["probes"])
    return Suite(str(plain["name"]), str(plain["version"]), str(plain.get("title", "")), probes)


def suite_problems(plain: Mapping[str, Any], *, where: str) -> Iterator[SuiteError]:
    """Everything that keeps plain JSON from being a suite, in the order of its probes."""
    if not isinstance(plain, Mapping) or not isinstance(plain.get("probes"), list) or not plain["probes"]:
        yield SuiteError("has no probes; a suite is an object with name, version and a list of probes", where=where)
        return
    if missing := [name for name in ("name", "version") if not plain.get(name)]:
        yield SuiteError(f"has no {' and no '.join(missing)}", where=where)
    seen: Counter[str] = Counter()
    for i, row in enumerate(plain["probes"], start=1):
        here = f"{where}, probe {i}"
        try:
            name = parse_probe(row, here).prompt.prompt_id
        except SuiteError as problem:
            yield problem
            continue
        seen[name] += 1
        if seen[name] == 2:
            yield SuiteError(f"the prompt id {name!r} appears twice", where=here)
