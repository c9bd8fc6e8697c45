"""How the demonstration judges what was found, on results made for the purpose."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.records import Relation
from forensics.zoo.members import clear_cases, kinship, members
from tests.helpers.making import stored_suite
from tests.helpers.people import person
from webapp.casework.cases.plans import missing_controls
from webapp.casework.models import Comparison as Stored
from webapp.catalogue.models import Model
from webapp.operations import demo_case, findings
from webapp.operations.progress import Progress
from webapp.probing.models import Collection

NAMES = tuple(sorted(members()))


def comparison() -> Comparison:
    """The zoo as it is known: every pair found to be what it is, students nearest to their teacher."""
    m = len(NAMES)
    relation = np.full((m, m), "", dtype=object)
    raw = {name: np.full((m, m), -1.0) for name in PROPOSITIONS}
    for i, a in enumerate(NAMES):
        for j, b in enumerate(NAMES):
            if a != b:
                relation[i, j] = kinship(a, b).relation.value
                raw["distilled"][i, j] = 3.0 if relation[i, j] == "distilled" else -1.0
    for case in clear_cases():
        i, j = NAMES.index(case.model_a), NAMES.index(case.model_b)
        relation[i, j] = relation[j, i] = case.relation.value
    square = np.zeros((m, m))
    bounded = {name: np.clip(matrix, -1.0, 1.5) for name, matrix in raw.items()}
    status = np.full((m, m), "ok", dtype=object)
    return Comparison(
        models=NAMES,
        prompts=square.astype(np.int64),
        scores={},
        kin=square,
        contrast=square,
        llr=bounded,
        llr_raw=raw,
        p_value=square,
        status=status,
        relation=relation,
        distance=square,
        support_distances=np.zeros((0, m, m), dtype=np.float32),
    )


def wrong(result: Comparison) -> list[str]:
    reading = findings.Reading(result, {name: name for name in NAMES})
    return [f"{row.model_a} / {row.model_b}: {row.wrong}" for row in findings.clear_findings(reading) if row.wrong]


def put(result: Comparison, a: str, b: str, relation: Relation) -> None:
    i, j = NAMES.index(a), NAMES.index(b)
    result.relation[i, j] = result.relation[j, i] = relation.value


def test_a_zoo_found_as_it_is_known_has_nothing_wrong() -> None:
    assert wrong(comparison()) == []


@pytest.mark.parametrize("number", range(len(clear_cases())))
def test_every_clear_case_found_otherwise_is_wrong(number: int) -> None:
    case, result = clear_cases()[number], comparison()
    put(result, case.model_a, case.model_b, Relation.NOT_DETERMINED)
    assert any(line.startswith(f"{case.model_a} / {case.model_b}: found not-determined") for line in wrong(result))


def test_a_student_that_is_as_near_to_a_model_of_the_same_data_is_wrong() -> None:
    case = next(case for case in clear_cases() if case.against)
    result = comparison()
    i, j = NAMES.index(case.against[0]), NAMES.index(case.model_b)
    result.llr_raw["distilled"][i, j] = result.llr_raw["distilled"][j, i] = 3.0
    assert wrong(result) == [f"{case.model_a} / {case.model_b}: {case.against[0]} looks as much like the teacher"]


def test_no_lr_is_shown_as_none_and_the_table_is_square() -> None:
    result = comparison()
    for matrices in (result.llr, result.llr_raw):
        for matrix in matrices.values():
            matrix[:] = np.nan
    reading = findings.Reading(result, {name: name for name in NAMES})
    lines = findings.table(findings.clear_findings(reading))
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == len(clear_cases()) + 2
    assert all("none" in line for line in lines[2:])


def test_every_pair_is_told_once() -> None:
    reading = findings.Reading(comparison(), {name: name for name in NAMES})
    others = list(findings.other_findings(reading, NAMES))
    assert len(others) + len(clear_cases()) == len(NAMES) * (len(NAMES) - 1) // 2
    assert sum(int(line.split()[-1]) for line in findings.summary(others)) == len(others)


def test_models_registered_under_other_names_are_read_by_their_member_name() -> None:
    result = comparison()
    renamed = {name: f"{name} (2)" for name in NAMES}
    other = Comparison(**{**vars(result), "models": tuple(renamed[name] for name in NAMES)})
    reading = findings.Reading(other, renamed)
    assert not [row for row in findings.clear_findings(reading) if row.wrong]


def test_progress_on_a_terminal_is_one_line_that_changes() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        progress = Progress(stream)
        progress.step("begins")
        progress.moving("1 of 2")
        progress.moving("2 of 2")
        progress.step("ends")
    assert terminal.getvalue().count("\n") == 3
    assert "\r\033[K" in terminal.getvalue()
    assert "of 2" not in pipe.getvalue()


@pytest.mark.django_db
def test_the_demonstrations_case_is_planned_before_anything_is_acquired_and_is_made_once(tmp_path: Path) -> None:
    suite = stored_suite(1)
    models = {name: Model.objects.create(name=name, adapter="huggingface", location=str(tmp_path)) for name in NAMES}
    user = person("demo")
    case = demo_case.prepare(models, suite, user=user)
    assert (case.is_frozen, case.collections.count(), missing_controls(case)) == (True, 0, [])
    assert {item.model.name for item in case.items.filter(role="questioned")} == {
        "alder-chat-pruned", "sprig", "cedar-cyra",
    }  # fmt: skip
    assert case.items.count() == len(NAMES)
    assert demo_case.prepare(models, suite, user=user) == case
    comparison = Stored.objects.create(title="The zoo", suite=suite)
    comparison.collections.add(Collection.objects.create(model=models["sprig"], suite=suite))
    for _ in range(2):
        demo_case.conclude(case, comparison, user=user)
    assert (case.comparisons.get(), case.collections.count()) == (comparison, 1)


def test_every_questioned_model_and_control_of_the_demonstrations_case_is_a_clear_one_of_the_zoo() -> None:
    clear = {frozenset((c.model_a, c.model_b)): c.relation for c in clear_cases()}
    (reference,) = demo_case.ITEMS["reference"]
    relations = [clear[frozenset((name, reference))] for name in demo_case.ITEMS["questioned"]]
    assert relations == [Relation.DERIVED, Relation.DISTILLED, Relation.UNRELATED]
    controls = {kind: clear[frozenset((a, b))] for kind, a, b, _ in demo_case.CONTROLS}
    assert controls == {
        "positive": Relation.DERIVED, "negative": Relation.UNRELATED, "same": Relation.SAME,
    }  # fmt: skip
