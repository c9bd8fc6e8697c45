"""What the engine says of the zoo that ships, from its models' own next-token distributions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from forensics import registry
from forensics.adapters import PACKAGE, Target
from forensics.collection import collect
from forensics.lineage.comparison import compare
from forensics.lineage.identification import identify
from forensics.lineage.records import Comparison
from forensics.probes import load_suite
from forensics.records import ResponseSet
from forensics.zoo.build import write_member
from forensics.zoo.members import WEIGHTS, kinship, members, same_data

pytestmark = pytest.mark.zoo
STUDENT, SCRATCH, TEACHER = "birch-student", "sprig", "alder-chat"
CHOSEN = (
    "alder", "alder-borel", TEACHER, "birch", "birch-chat", STUDENT, "cedar", "cedar-cyra", "dogwood", "dogwood-chat",
    SCRATCH,
)  # fmt: skip
CORE = load_suite("core")
SCORED = replace(CORE, probes=tuple(probe for probe in CORE.probes if probe.config.top_logprobs))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Members of the zoo, asked what the calibration of their suite reads, and compared as shipped."""
    folder = tmp_path_factory.mktemp("zoo")

    def answers() -> Iterator[ResponseSet]:
        for name in CHOSEN:
            write_member(members()[name], folder / name, WEIGHTS, members())
            yield _asked(folder / name)

    prompts = {probe.prompt.prompt_id: probe.prompt for probe in SCORED.probes}
    return compare(answers(), prompts, suite_hash=CORE.suite_hash, replicates=1)


def _asked(folder: Path) -> ResponseSet:
    with registry.load(PACKAGE, "huggingface").open(Target(str(folder), folder.name)) as session:
        return collect(SCORED, session, name=folder.name)


def test_a_student_is_its_base_by_raw_text_and_its_teacher_by_behaviour_and_both_are_said(found: Comparison) -> None:
    assert found.calibration["name"] == "zoo-core"
    told = identify(found, STUDENT)
    taught, weights = told.finding.split(" By next-token distributions on raw text ")
    assert "is distilled from, or shares its teacher with," in taught
    assert TEACHER in taught
    assert "birch:" in weights
    assert "birch" not in taught.replace(STUDENT, "")
    assert next(row for row in told.ranking if row.reference == TEACHER).relation == "distilled"


def test_a_student_from_scratch_has_a_teacher_and_no_base(found: Comparison) -> None:
    for references in (None, [name for name in CHOSEN if name not in (SCRATCH, STUDENT)]):
        told = identify(found, SCRATCH, references).finding
        assert TEACHER in told
        assert "own weights" not in told


def test_no_base_is_named_where_the_students_own_is_not_there(found: Comparison) -> None:
    rest = [name for name in CHOSEN if name not in ("birch", "birch-chat", STUDENT)]
    told = identify(found, STUDENT, rest).finding
    assert TEACHER in told
    assert "own weights" not in told


def test_same_data_and_no_lineage_is_no_claim_of_lineage(found: Comparison) -> None:
    claims = {"same", "derived", "distilled", "common-source"}
    pairs = list(combinations(range(len(found.models)), 2))
    alike = [pair for pair in pairs if same_data(*(found.models[k] for k in pair))]
    apart = [pair for pair in pairs if kinship(*(found.models[k] for k in pair)).label == "unrelated"]
    assert len(alike) == 6
    assert set(alike) < set(apart)
    assert not [tuple(found.models[k] for k in pair) for pair in apart if found.relation[pair] in claims]
    for pair in alike:
        assert found.llr["distilled"][pair] < 0.5
