"""The documented lineage of the zoo and what follows from it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from forensics.records import Relation
from forensics.zoo.members import WEIGHTS, clear_cases, kinship, members, tokenizer_file
from forensics.zoo.recipe import PLAN, Base, Student
from forensics.zoo.record import write_labels


@pytest.mark.parametrize(
    ("a", "b", "label", "relation"),
    [
        ("alder-chat", "alder-chat-permuted", "same_weights", Relation.SAME),
        ("alder-chat-int8", "alder-chat-rotated", "same_weights", Relation.SAME),
        ("alder", "alder-chat-2", "parent_child", Relation.DERIVED),
        ("alder-chat-int8", "alder-chat-2", "parent_child", Relation.DERIVED),
        ("alder-borel", "alder-merge", "component", Relation.DERIVED),
        ("alder-chat-2", "alder-chat-pruned", "shared_parent", Relation.COMMON_SOURCE),
        ("alder-chat", "alder-borel", "shared_base", Relation.COMMON_SOURCE),
        ("birch-chat", "birch-student", "shared_base", Relation.COMMON_SOURCE),
        ("alder-chat-int8", "sprig", "teacher_student", Relation.DISTILLED),
        ("birch-student", "sprig", "indirect", Relation.COMMON_SOURCE),
        ("alder-borel", "sprig", "indirect", Relation.NOT_DETERMINED),
        ("alder-chat", "birch-chat", "unrelated", Relation.UNRELATED),
        ("cedar", "gorse", "unrelated", Relation.UNRELATED),
    ],
)
def test_a_pair_is_what_its_documented_lineage_says(a: str, b: str, label: str, relation: Relation) -> None:
    for one, two in ((a, b), (b, a)):
        found = kinship(one, two)
        assert (found.label, found.relation) == (label, relation)


def test_every_clear_case_follows_from_the_lineage_and_every_kind_is_there() -> None:
    for case in clear_cases():
        assert kinship(case.model_a, case.model_b).relation is case.relation
        assert all(kinship(case.model_a, other).relation is Relation.UNRELATED for other in case.against)
    kinds = " ".join(case.kind for case in clear_cases())
    assert all(word in kinds for word in ("quantised", "permuted", "pruned", "continued", "seed", "data", "distilled"))


def test_members_agree_with_the_plan_they_were_trained_by() -> None:
    zoo = members()
    assert {name for name, member in zoo.items() if not member.made_by} == set(PLAN)
    for name, plan in PLAN.items():
        assert zoo[name].parent == ("" if isinstance(plan, Base) else plan.parent)
        assert zoo[name].teachers == ((plan.teacher,) if isinstance(plan, Student) else ())


def test_unrelated_members_share_neither_family_nor_developer() -> None:
    zoo = members()
    pairs = [(a, b) for a, b in itertools.combinations(zoo, 2) if kinship(a, b).label == "unrelated"]
    assert len(pairs) > 60
    assert all(zoo[a].family != zoo[b].family and zoo[a].developer != zoo[b].developer for a, b in pairs)


def test_what_ships_is_complete_small_and_no_text() -> None:
    trained = [member for member in members().values() if not member.made_by]
    files = [WEIGHTS / f"{member.model}.safetensors" for member in trained]
    files += [tokenizer_file(member, WEIGHTS) for member in trained]
    assert set(WEIGHTS.iterdir()) == set(files)
    assert sum(path.stat().st_size for path in set(files)) < 15_000_000


def test_labels_are_written_in_the_columns_of_a_corpus(tmp_path: Path) -> None:
    write_labels(tmp_path)
    pairs = (tmp_path / "pairs.csv").read_text().splitlines()
    assert pairs[0] == "corpus,model_a,model_b,relation,detail,confidence"
    assert any(row.startswith(f"{tmp_path.name},alder-chat,sprig,teacher_student,") for row in pairs)
    assert not any("unrelated" in row or "indirect" in row for row in pairs)
    lineage = (tmp_path / "lineage.csv").read_text().splitlines()
    assert lineage[0].startswith("model,developer,family,base_model,parent,teachers,release")
    assert len(lineage) == len(members()) + 1
    assert json.loads((WEIGHTS.parent / "members.json").read_text())["version"]
