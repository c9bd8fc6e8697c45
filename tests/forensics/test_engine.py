"""The comparison as a whole: kin are found, order and names change nothing, labels are never read."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.errors import BadInput
from forensics.lineage.comparison import compare
from forensics.lineage.identification import identify
from forensics.lineage.ordering import dendrogram
from forensics.lineage.storage import load, save
from forensics.lineage.trees import lineage_tree
from forensics.records import Completion, Prompt, ResponseSet
from tests.forensics import worlds

COLUMNS = ["model_a", "model_b", "prompts"]
TAIL = [
    "score_kin",
    "score_contrast",
    *(f"llr_{p}" for p in ("weights", "base", "distilled", "lineage")),
    *(f"llr_{p}_raw" for p in ("weights", "base", "distilled", "lineage")),
    "status",
    "relation",
]


@pytest.fixture(scope="module")
def sets() -> list[ResponseSet]:
    """24 models on 60 prompts; m05 descends from m02, m11 from m07."""
    return worlds.population(24, 60, kin={5: 2, 11: 7})


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a == b


def test_children_are_found_and_the_unrelated_are_not(sets: list[ResponseSet]) -> None:
    result = compare(sets, worlds.prompts(60))
    place = {name: i for i, name in enumerate(result.models)}
    assert result.calibration["name"] == "pooled-open-chat"
    for child, parent in (("m05", "m02"), ("m11", "m07")):
        found = identify(result, child)
        assert found.ranking[0].reference == parent
        assert not found.none_of_these
        assert result.relation[place[child], place[parent]] == "derived"
    stranger = identify(result, "m20")
    assert stranger.none_of_these
    assert "none of these references stands out" in stranger.finding
    bound = result.calibration["bounds"]["weights"][1]
    assert np.nanmax(result.llr["weights"]) <= bound + 1e-12


def test_order_of_sets_and_names_of_models_and_prompts_change_nothing(sets: list[ResponseSet]) -> None:
    asked = worlds.prompts(60)
    first = compare(sets, asked)
    again = compare(reversed(sets), asked)
    for name in ("kin", "distance", "support_distances", "relation", "status", "p_value"):
        assert same(getattr(first, name), getattr(again, name)), name
    # The models' names are permuted, the prompts' are changed: the same up to renaming.
    renamed = [replace(s, model=f"x{(7 * i + 5) % 24:02d}") for i, s in enumerate(sets)]
    ids = {key: f"q{key}" for key in asked}
    moved = [ResponseSet.of(s.model, [replace(c, prompt_id=ids[c.prompt_id]) for c in s.completions]) for s in renamed]
    other = compare(moved, {ids[k]: replace(p, prompt_id=ids[k]) for k, p in asked.items()})
    order = [other.models.index(s.model) for s in renamed]
    for proposition, matrix in first.llr_raw.items():
        assert np.allclose(other.llr_raw[proposition][np.ix_(order, order)], matrix, equal_nan=True, atol=1e-9)
    assert same(other.relation[np.ix_(order, order)], first.relation)


def test_a_model_that_always_gives_the_same_answer_gets_no_lineage(sets: list[ResponseSet]) -> None:
    def constant(name: str) -> ResponseSet:
        return ResponseSet.of(
            name, [Completion(f"p{q:03d}", "Thank you for your question, dear user.") for q in range(60)]
        )

    result = compare([*sets, constant("z1"), constant("z2")], worlds.prompts(60))
    place = result.models.index("z1")
    assert all(np.isnan(result.llr[p][place]).all() for p in result.llr)
    assert set(result.relation[place]) == {"not-determined"}
    assert "same reply to most prompts" in result.status[place, 0]
    assert identify(result, "z1").none_of_these


def test_few_models_or_few_prompts_get_no_lr_and_the_reason(sets: list[ResponseSet]) -> None:
    few = compare(sets[:9], worlds.prompts(60))
    assert np.isnan(few.llr["weights"]).all()
    assert "at least 20 models" in few.status[0, 1]
    assert np.isfinite(few.kin[0, 1])
    short = compare(worlds.population(22, 12), worlds.prompts(12))
    assert np.isnan(short.llr["lineage"]).all()
    assert "common prompts" in short.status[0, 1]


def test_thinking_text_does_not_hide_a_parent(sets: list[ResponseSet]) -> None:
    def thinking(responses: ResponseSet) -> ResponseSet:
        return ResponseSet.of(
            responses.model,
            [
                replace(c, text=f"<think>Let me see what {c.prompt_id} wants.\n</think>{c.text}")
                for c in responses.completions
            ],
        )

    told = compare([thinking(s) if s.model == "m05" else s for s in sets], worlds.prompts(60))
    assert identify(told, "m05").ranking[0].reference == "m02"


def test_what_a_model_says_of_itself_or_in_one_word_moves_no_likelihood_ratio(sets: list[ResponseSet]) -> None:
    asked = worlds.prompts(60)
    closed = {
        f"zz{i}": Prompt.chat(f"zz{i}", "Who are you?", family=family)
        for i, family in enumerate(["self-identification", "one-word"] * 10)
    }
    same_claim = [
        ResponseSet.of(
            s.model, [*s.completions, *(Completion(k, "I am Quillon, made by Ostrava Labs.") for k in closed)]
        )
        for s in sets
    ]
    plain, claimed = compare(sets, asked, replicates=1), compare(same_claim, asked | closed, replicates=1)
    for proposition, matrix in plain.llr_raw.items():
        assert np.array_equal(claimed.llr_raw[proposition], matrix, equal_nan=True)


def test_a_comparison_survives_storage(sets: list[ResponseSet], tmp_path: Path) -> None:
    result = compare(sets[:10], worlds.prompts(60), replicates=5)
    save(result, tmp_path / "c")
    back = load(tmp_path / "c")
    assert back.models == result.models
    assert same(back.support_distances, result.support_distances)
    assert same(back.relation, result.relation)
    assert all(same(back.scores[k], v) for k, v in result.scores.items())


def test_one_model_twice_or_alone_is_refused(sets: list[ResponseSet]) -> None:
    with pytest.raises(BadInput, match="at least two models"):
        compare(sets[:1], worlds.prompts(60))
    with pytest.raises(BadInput, match="given twice: m00"):
        compare([sets[0], sets[0]], worlds.prompts(60))


def test_the_tree_joins_kin_with_support_and_the_dendrogram_puts_them_side_by_side(sets: list[ResponseSet]) -> None:
    result = compare(sets, worlds.prompts(60), replicates=40)
    tree = lineage_tree(result)
    pair = {tree.models.index("m02"), tree.models.index("m05")}
    parents = {b.child: b.parent for b in tree.branches}
    assert len({parents[leaf] for leaf in pair}) == 1
    (support,) = {b.support for b in tree.branches if b.child == parents[min(pair)]}
    assert support is not None
    assert support >= 0.95
    order = dendrogram(result).order
    assert abs(order.index(2) - order.index(5)) == 1
    with pytest.raises(BadInput, match="at least three"):
        lineage_tree(result, ["m00", "m01"])


def test_a_model_without_distances_is_left_out_of_the_tree_and_named(sets: list[ResponseSet]) -> None:
    result = compare(sets[:10], worlds.prompts(60), replicates=3)
    distance = result.distance.copy()
    distance[4, :], distance[:, 4] = np.nan, np.nan
    tree = lineage_tree(replace(result, distance=distance))
    assert tree.left_out == ("m04",)
    assert "m04" not in tree.models
    assert len(tree.models) == 9


def test_models_that_answered_something_else_are_no_background(sets: list[ResponseSet]) -> None:
    """Ten models alone get no LR; fifteen more that answered other prompts do not change that."""
    strangers = [
        ResponseSet.of(f"x{s.model}", [replace(c, prompt_id=f"other-{c.prompt_id}") for c in s.completions])
        for s in worlds.population(15, 60, seed=9)
    ]
    asked = worlds.prompts(60)
    others = {f"other-{k}": Prompt.chat(f"other-{k}", f"Otherwise: {p.text}") for k, p in asked.items()}
    told = compare([*sets[:10], *strangers], asked | others, replicates=1)
    assert all(np.isnan(matrix).all() for matrix in told.llr.values())
    assert "models answered the prompts" in told.status[0, 1]


def test_a_prompt_asked_under_many_ids_is_one_prompt(sets: list[ResponseSet]) -> None:
    again = {f"p{i:03d}": Prompt.chat(f"p{i:03d}", "The same question?") for i in range(60)}
    told = compare(sets, again, replicates=1)
    assert told.prompts.max() <= 1
    assert all(np.isnan(matrix).all() for matrix in told.llr.values())


def test_the_command_writes_every_pair_and_repeats_itself_byte_for_byte(
    sets: list[ResponseSet], tmp_path: Path
) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", sets, worlds.prompts(60))
    command = [sys.executable, "-m", "forensics", "compare", str(corpus), "--out", str(tmp_path / "a.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "276 pairs of 24 models" in done.stdout
    # Labels beside the corpus change nothing: the engine is blind to them.
    (corpus / "lineage.csv").write_text("model,family\nm00,everything\n")
    (corpus / "pairs.csv").write_text("corpus,model_a,model_b,relation\nc,m00,m01,same_weights\n")
    assert main(["compare", str(corpus), "--out", str(tmp_path / "b.csv"), "--jobs", "2"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(newline="") as handle:
        table = list(csv.DictReader(handle))
    header = list(table[0])
    assert header[:3] == COLUMNS
    assert header[-len(TAIL) :] == TAIL
    assert {"score_agreement", "score_style", "score_refusals", "score_logprobs"} <= set(header)
    assert all(row["model_a"] < row["model_b"] for row in table)
    assert len(table) == 24 * 23 // 2


def test_commands_end_with_stable_exit_codes(
    sets: list[ResponseSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", sets[:9], worlds.prompts(60))
    assert main(["identify", str(corpus), "--questioned", "m05", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ranking"][0]["reference"] == "m02"
    assert told["calibration"]["no_lr_reason"]
    assert main(["identify", str(corpus), "--questioned", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "nowhere"), "--out", str(tmp_path / "x.csv")]) == 2
    one = tmp_path / "one.txt"
    one.write_text("m01\n")
    assert main(["compare", str(corpus), "--out", str(tmp_path / "x.csv"), "--models", str(one)]) == 2
    assert "at least two models" in capsys.readouterr().err
    assert not (tmp_path / "x.csv").exists()


def test_the_catalogue_names_what_came_later(sets: list[ResponseSet], tmp_path: Path) -> None:
    result = compare(sets[:9], worlds.prompts(60))
    found = identify(result, "m05", ["m02", "m03"], {"m05": {"release": "2024-01"}, "m02": {"release": "2024-06"}})
    assert [r.reference for r in found.ranking] == ["m02", "m03"]
    assert "released after" in found.ranking[0].status
    with pytest.raises(BadInput, match="its own reference"):
        identify(result, "m05", ["m05"])


def test_a_reference_named_twice_counts_once(sets: list[ResponseSet]) -> None:
    result = compare(sets[:9], worlds.prompts(60), replicates=1)
    once, twice = identify(result, "m05", ["m02"]), identify(result, "m05", ["m02", "m02"])
    assert twice.ranking == once.ranking
