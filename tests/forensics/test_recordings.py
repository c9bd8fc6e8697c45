"""The engine on public recordings of real models, where these are at hand (FILIATION_CORPORA, or ../shared/corpora).

Nothing of them is in this project. The bars are those that the first version had to reach.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from forensics.__main__ import main
from forensics.corpora import open_corpus
from forensics.evaluation.judging import Judge
from forensics.evaluation.labels import read_labels
from forensics.evaluation.pairs import pair_table
from forensics.evaluation.validation import relation_rows
from forensics.lineage.comparison import compare
from forensics.lineage.identification import identify
from forensics.lineage.records import Comparison
from forensics.lineage.trees import lineage_tree
from forensics.records import Completion, ResponseSet

HERE = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("FILIATION_CORPORA") or HERE.parent / "shared" / "corpora")
pytestmark = [
    pytest.mark.corpora,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (CORPORA / "alpaca_eval").is_dir(), reason="the recorded corpora are not at hand"),
]
BARS = {
    "same_weights": 0.995,
    "parent_child": 0.99,
    "shared_parent": 0.99,
    "shared_base": 0.86,
    "closed_family_version": 0.97,
    "teacher_student": 0.76,
}


@pytest.fixture(scope="module")
def result() -> Comparison:
    """The comparison of the largest recording: 135 models, 805 prompts."""
    source = open_corpus(CORPORA / "alpaca_eval")
    return compare((source.responses(m) for m in source.models), source.prompts, replicates=10, jobs=2)


@pytest.fixture(scope="module")
def rows(result: Comparison) -> dict[str, dict[str, Any]]:
    """AUCs of every column by relation."""
    columns: dict[str, Any] = {f"score_{k}": v for k, v in result.scores.items()}
    columns |= {f"llr_{k}_raw": v for k, v in result.llr_raw.items()}
    table = pair_table("alpaca_eval", result.models, columns, read_labels(CORPORA / "alpaca_eval"))
    return {row["relation"]: row for row in relation_rows(Judge(table, replicates=2))}


def test_every_pair_is_compared_and_covered_by_the_pooled_calibration(result: Comparison) -> None:
    assert len(result.models) == 135
    assert result.calibration["name"] == "pooled-open-chat"
    assert (result.status[~(result.status == "the same model")] == "ok").all()


@pytest.mark.parametrize("relation", list(BARS))
def test_relations_are_told_from_the_unrelated(rows: dict[str, dict[str, Any]], relation: str) -> None:
    assert rows[relation]["auc"] >= BARS[relation], rows[relation]


def test_labels_are_counted_as_documented(rows: dict[str, dict[str, Any]]) -> None:
    counts = {name: row["n"] for name, row in rows.items()}
    expected = {"same_weights": 14, "parent_child": 23, "shared_parent": 37, "closed_family_version": 14}
    assert counts == expected | {"teacher_student": 135, "shared_base": 260}


def test_a_well_known_model_names_its_parent_first(result: Comparison) -> None:
    found = identify(result, "Llama-3-Instruct-8B-SimPO-ExPO")
    assert found.ranking[0].reference == "Llama-3-Instruct-8B-SimPO"
    assert found.ranking[0].relation == "derived"


def test_a_model_that_always_answers_alike_gets_no_lineage_among_real_models(tmp_path: Path) -> None:
    source = open_corpus(CORPORA / "vicuna80")
    silent = ResponseSet.of(
        "always", [Completion(p, "I cannot say anything about this topic.") for p in source.prompts]
    )
    told = compare([*(source.responses(m) for m in source.models), silent], source.prompts, replicates=2)
    found = identify(told, "always")
    assert found.none_of_these
    assert {row.relation for row in found.ranking} == {"not-determined"}


def test_the_tree_of_the_recording_has_support_on_every_inner_branch(result: Comparison) -> None:
    tree = lineage_tree(result)
    support = [b.support for b in tree.branches if b.child >= len(tree.models)]
    assert support.count(None) <= 1  # the other half of the out-group's own branch
    assert all(share is None or 0 <= share <= 1 for share in support)


@pytest.mark.parametrize("corpus", ["misguided_attention", "vicuna80"])
def test_validate_reads_every_labelled_recording(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(CORPORA / corpus), "--out", str(tmp_path), "--no-curve"]) == 0
    printed = capsys.readouterr().out
    assert "Cllr cal" in printed
    assert "leave-family-out" in printed
    assert (tmp_path / "validation.json").is_file()
