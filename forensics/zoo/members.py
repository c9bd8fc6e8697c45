"""The members of the zoo and what their documented lineage says of every pair."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from forensics.records import Relation
from forensics.zoo.recipe import PLAN, trained_on

FILE = Path(__file__).with_name("members.json")
WEIGHTS = Path(__file__).with_name("weights")
LINEAGE_COLUMNS = (
    "model",
    "developer",
    "family",
    "base_model",
    "parent",
    "teachers",
    "release",
    "relation_notes",
    "confidence",
    "same_as",
    "variant",
    "components",
)


@dataclass(frozen=True, slots=True)
class Member:
    """One row of the lineage table. `made_by` is a derive.py operation, or '' where the member was trained."""

    model: str
    developer: str
    family: str
    base_model: str
    release: str
    relation_notes: str
    parent: str = ""
    teachers: tuple[str, ...] = ()
    same_as: str = ""
    components: tuple[str, ...] = ()
    made_by: str = ""
    architecture: str = "llama"
    tokenizer: str = "common"

    def lineage_row(self) -> dict[str, str]:
        """The row of lineage.csv."""
        told = {name: getattr(self, name, "") for name in LINEAGE_COLUMNS} | {"confidence": "high"}
        return {name: ";".join(value) if isinstance(value, tuple) else value for name, value in told.items()}


@dataclass(frozen=True, slots=True)
class Kinship:
    """What two members are to each other.

    label: the word of pairs.csv, 'unrelated', or 'indirect' (kin by a mixed path: neither a positive nor a negative).
    """

    label: str
    relation: Relation
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ClearCase:
    """A pair whose relation a sound comparison must find. `kind` says what makes it clear."""

    model_a: str
    model_b: str
    kind: str
    relation: Relation
    against: tuple[str, ...] = ()


@cache
def members() -> Mapping[str, Member]:
    """Members by name in the order of the file; those that others are made from come first."""
    plain = json.loads(FILE.read_text(encoding="utf-8"))
    many = ("teachers", "components")
    rows: list[dict[str, Any]] = plain["members"]
    made = (Member(**row | {name: tuple(row.get(name, ())) for name in many}) for row in rows)
    return {member.model: member for member in made}


@cache
def clear_cases() -> tuple[ClearCase, ...]:
    """The clear cases in the order of the file."""
    plain = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        ClearCase(row["model_a"], row["model_b"], row["kind"], Relation(row["relation"]), tuple(row.get("against", ())))
        for row in plain["clear_cases"]
    )


def _weights_sources(name: str, zoo: Mapping[str, Member]) -> set[str]:
    """The member and all whose weights went into it."""
    member, found = zoo[name], {name}
    for source in (member.parent, member.same_as, *member.components):
        if source:
            found |= _weights_sources(source, zoo)
    return found


def shares_weights(a: str, b: str) -> bool:
    """Whether some member's weights went into both, by copy, tuning or merge."""
    return bool(_weights_sources(a, members()) & _weights_sources(b, members()))


def _all_sources(name: str, zoo: Mapping[str, Member]) -> set[str]:
    found = _weights_sources(name, zoo)
    for source in tuple(found):
        for teacher in zoo[source].teachers:
            found |= _all_sources(teacher, zoo)
    return found


def _same(name: str, zoo: Mapping[str, Member]) -> str:
    while zoo[name].same_as:
        name = zoo[name].same_as
    return name


def kinship(a: str, b: str, zoo: Mapping[str, Member] | None = None) -> Kinship:
    """What members a and b are to each other, by their documented lineage; the closest relation counts."""
    zoo = members() if zoo is None else zoo
    one, two = _same(a, zoo), _same(b, zoo)
    if one == two:
        return Kinship("same_weights", Relation.SAME, zoo[a].made_by or zoo[b].made_by)
    first, second = zoo[one], zoo[two]
    if two in first.components or one in second.components:
        return Kinship("component", Relation.DERIVED, "merge")
    if two in _weights_sources(one, zoo) or one in _weights_sources(two, zoo):
        child = first if two in _weights_sources(one, zoo) else second
        return Kinship("parent_child", Relation.DERIVED, child.relation_notes)
    if first.parent and first.parent == second.parent and first.parent != first.base_model:
        return Kinship("shared_parent", Relation.COMMON_SOURCE, first.parent)
    if one in {_same(t, zoo) for t in second.teachers} or two in {_same(t, zoo) for t in first.teachers}:
        return Kinship("teacher_student", Relation.DISTILLED, "sampled outputs")
    if first.base_model and first.base_model == second.base_model:
        return Kinship("shared_base", Relation.COMMON_SOURCE, first.base_model)
    if set(first.teachers) & set(second.teachers):
        return Kinship("indirect", Relation.COMMON_SOURCE, "teacher in common")
    if _all_sources(one, zoo) & _all_sources(two, zoo):
        return Kinship("indirect", Relation.NOT_DETERMINED, "kin by a mixed path")
    return Kinship("unrelated", Relation.UNRELATED)


def same_data(a: str, b: str) -> bool:
    """Whether two members without any lineage in common learnt from the very same data: alike for that reason alone."""
    one, two = _trained(a), _trained(b)
    alike = bool(one and two) and trained_on(one) == trained_on(two)
    return alike and kinship(a, b).relation is Relation.UNRELATED


def _trained(name: str) -> str:
    """The member whose training made these weights; '' for one that is mixed of several."""
    zoo = members()
    while name not in PLAN and not zoo[name].components:
        name = zoo[name].same_as or zoo[name].parent
    return name if name in PLAN else ""


def tokenizer_file(member: Member, weights: Path) -> Path:
    """The tokenizer.json that a member uses."""
    return weights / f"tokenizer-{member.tokenizer}.json"
