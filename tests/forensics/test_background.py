"""A frozen background: a pair's numbers hang on the two and on it, and on nobody else who is compared."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.errors import BadInput, IntegrityError
from forensics.evaluation.cohort import cohort_normalise, frozen_row
from forensics.lineage.against import Case, compare_against
from forensics.lineage.comparison import Plan, compare
from forensics.lineage.frozen import Frozen, freeze, joined
from forensics.lineage.frozen_file import read_frozen, write_frozen
from forensics.lineage.identification import identify
from forensics.lineage.records import Comparison
from forensics.lineage.storage import load, save
from forensics.records import Prompt, ResponseSet
from tests.forensics import worlds

ASKED = worlds.prompts(52)
PLAN = Plan(replicates=2)


@pytest.fixture(scope="module")
def sets() -> list[ResponseSet]:
    """26 models; m05 descends from m02, m03 from m01. From m06 on they are the background."""
    return worlds.population(26, 52, kin={5: 2, 3: 1}, words=40)


@pytest.fixture(scope="module")
def background(sets: list[ResponseSet]) -> Frozen:
    return freeze(sets[6:], ASKED)


def moved(sets: list[ResponseSet]) -> tuple[list[ResponseSet], dict[str, Prompt]]:
    """The same recording as somebody else would have numbered its prompts, backwards."""
    ids = {key: f"x-{52 - place:02d}" for place, key in enumerate(ASKED)}
    renamed = [ResponseSet.of(s.model, [replace(c, prompt_id=ids[c.prompt_id]) for c in s.completions]) for s in sets]
    return renamed, {ids[key]: replace(prompt, prompt_id=ids[key]) for key, prompt in ASKED.items()}


def of_pair(told: Comparison, one: str, other: str) -> list[object]:
    """Every number and word that a comparison says of a pair."""
    a, b = told.models.index(one), told.models.index(other)
    named = [(kind, name) for kind in ("scores", "llr", "llr_raw") for name in getattr(told, kind)]
    plain = ("kin", "contrast", "p_value", "prompts", "status", "relation")
    values = [getattr(told, kind)[name][a, b] for kind, name in named] + [getattr(told, name)[a, b] for name in plain]
    return [None if isinstance(v, float) and np.isnan(v) else v for v in values]


def test_a_pair_hangs_on_its_two_models_and_the_background_alone(sets: list[ResponseSet], background: Frozen) -> None:
    two = compare_against(Case.of([sets[2], sets[5]], ASKED, background, PLAN))
    # More models, some of them kin, from a recording with other prompt ids, in another order.
    more, asked = moved([sets[5], sets[3], sets[2]])
    three = compare_against(Case.of(more, asked, background, PLAN))
    assert of_pair(three, "m02", "m05") == of_pair(two, "m02", "m05")
    assert two.relation[0, 1] == three.relation[0, 2] == "derived"
    assert two.background is not None and three.background is not None
    assert two.background.unrelated_p[0, 1] == three.background.unrelated_p[0, 2]
    # It is what the engine says of the two among the background, to the last bit.
    case = Case.of([sets[2], sets[5]], ASKED, background, PLAN)
    among, _ = case.pair("m02", "m05")
    assert of_pair(among, "m02", "m05") == of_pair(two, "m02", "m05")
    plain = compare([sets[2], sets[5], *sets[6:]], ASKED, replicates=0)
    assert plain.llr_raw["weights"][0, 1] == pytest.approx(two.llr_raw["weights"][0, 1], abs=1e-9)
    # Without a background the same newcomers do move it.
    crowd = compare([sets[2], sets[3], *sets[5:]], ASKED, replicates=0)
    assert abs(crowd.kin[0, 2] - plain.kin[0, 1]) > 0.1
    assert two.manifest["background"] == {"hash": background.hash, "models": 20, "prompts": 52, "shared": []}


def test_the_row_of_one_pair_is_the_cohort_normalisation_of_all() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(12, 12))
    scores = scores + scores.T
    scores[3, 7] = scores[7, 3] = np.nan
    weight = np.where(np.arange(12) < 4, 0.5, 1.0)
    for pair in ((0, 1), (7, 11)):
        slope, offset = frozen_row(scores, weight, pair)
        assert slope * scores[pair] + offset == pytest.approx(cohort_normalise(scores, weight)[pair], abs=1e-12)


def test_a_model_that_the_background_holds_counts_once_and_one_that_differs_is_refused(
    sets: list[ResponseSet], background: Frozen
) -> None:
    case = Case.of([sets[5], sets[9]], ASKED, background, PLAN)
    assert case.described()["shared"] == ["m09"]
    told, _ = case.pair("m05", "m09")
    assert told.models == ("m05", *background.models)
    assert len(case.tables()) == 21
    other = worlds.rewritten(sets[9], lambda k, text: f"{text} Indeed." if k == 7 else text)
    with pytest.raises(BadInput, match="m09: a model of this name is in the background with other responses"):
        Case.of([sets[5], other], ASKED, background, PLAN)
    with pytest.raises(BadInput, match="called 'm09', and differ"):
        joined([background, freeze([other], ASKED)])
    assert joined([background, freeze(sets[4:9], ASKED)]).models == tuple(s.model for s in sets[4:])


def test_only_prompts_that_both_recordings_hold_count(sets: list[ResponseSet]) -> None:
    half = sorted(ASKED)[:30]
    small = freeze([s.on(half) for s in sets[6:]], {i: ASKED[i] for i in half})
    told = compare_against(Case.of([sets[2], sets[5]], ASKED, small, PLAN))
    own = [s.on(half) for s in (sets[2], sets[5])]
    assert of_pair(told, "m02", "m05") == of_pair(
        compare_against(Case.of(own, {i: ASKED[i] for i in half}, small, PLAN)), "m02", "m05"
    )
    assert told.prompts[0, 1] == 30
    foreign = {key: Prompt.chat(key, f"Elsewhere: {prompt.text}") for key, prompt in ASKED.items()}
    with pytest.raises(BadInput, match="answered none of the prompts"):
        Case.of(sets[:2], foreign, small, PLAN)


def test_too_small_a_background_is_refused_and_a_small_one_gives_no_lr_with_the_reason(
    sets: list[ResponseSet],
) -> None:
    with pytest.raises(BadInput, match="needs at least 8 models, and this one has 7"):
        joined([freeze(sets[6:13], ASKED)])
    told = compare_against(Case.of([sets[2], sets[5]], ASKED, joined([freeze(sets[6:16], ASKED)]), PLAN))
    assert "at least 20 models to compare with, and there are 12" in told.status[0, 1]
    assert np.isfinite(told.kin[0, 1])


def test_a_frozen_file_says_what_the_recording_says_and_holds_no_reply(
    sets: list[ResponseSet], background: Frozen, tmp_path: Path
) -> None:
    file = tmp_path / "background.npz"
    write_frozen(background, file)
    again = read_frozen(file)
    assert again.hash == background.hash
    a, b = (compare_against(Case.of([sets[2], sets[5]], ASKED, bg, PLAN)) for bg in (background, again))
    assert of_pair(a, "m02", "m05") == of_pair(b, "m02", "m05")
    with np.load(file) as stored:
        held = b"".join(stored[name].tobytes() for name in stored.files)
    words = sets[8].completions[0].text.split()[:4]
    assert not any(word.encode() in held or word.encode("utf-32-le") in held for word in words)


def test_a_comparison_beside_a_background_survives_storage(
    sets: list[ResponseSet], background: Frozen, tmp_path: Path
) -> None:
    told = compare_against(Case.of([sets[2], sets[5]], ASKED, background, PLAN))
    save(told, tmp_path / "c")
    back = load(tmp_path / "c")
    assert identify(back, "m05") == identify(told, "m05")
    assert back.background is not None and back.population == told.population == 22


def test_a_doctored_file_an_outdated_one_and_another_kind_are_refused(background: Frozen, tmp_path: Path) -> None:
    file = tmp_path / "background.npz"
    write_frozen(background, file)
    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    head = json.loads(str(arrays["head"]))

    def rewritten(**changed: object) -> Path:
        np.savez(file, **(arrays | changed))
        return file

    tokens = arrays["3/tokens@2/tokens"].copy()
    tokens[11] += 1
    with pytest.raises(IntegrityError, match="does not match its hash"):
        read_frozen(rewritten(**{"3/tokens@2/tokens": tokens}))
    swapped = head | {"models": [["somebody", *head["models"][0][1:]], *head["models"][1:]]}
    with pytest.raises(IntegrityError, match="does not match its hash"):
        read_frozen(rewritten(head=np.array(json.dumps(swapped))))
    old = head | {"features": [f.replace("@2", "@1") for f in head["features"]], "filiation": "0.0.1"}
    with pytest.raises(BadInput, match=r"frozen by version 0\.0\.1.*freeze it again"):
        read_frozen(rewritten(head=np.array(json.dumps(old))))
    file.write_bytes(b"model_a,model_b\n")
    with pytest.raises(BadInput, match="no recording and no frozen background"):
        read_frozen(file)


def test_the_commands_take_a_recording_or_a_frozen_file_and_never_name_its_models(
    sets: list[ResponseSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, asked = moved([sets[1], sets[2], sets[5]])
    case = str(worlds.write_corpus(tmp_path / "case", told, asked))
    recorded = worlds.write_corpus(tmp_path / "others", sets[6:], ASKED)
    file = tmp_path / "others.npz"
    assert main(["freeze", str(recorded), "--out", str(file), "--json"]) == 0
    frozen = json.loads(capsys.readouterr().out)
    assert frozen["models"] == 20 and frozen["prompts"] == 52

    (two := tmp_path / "two.txt").write_text("m02\nm05\n")
    only = ["compare", case, "--models", str(two), "--background"]
    assert main([*only, str(recorded), "--out", str(tmp_path / "a.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["manifest"]["background"]["hash"] == frozen["hash"]
    assert main([*only, str(file), "--out", str(tmp_path / "b.csv")]) == 0
    assert "Each pair beside a background of 20 models (52 common prompts" in capsys.readouterr().out
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(newline="") as handle:
        rows = {(row["model_a"], row["model_b"]): row for row in csv.DictReader(handle)}
    assert list(rows) == [("m02", "m05")]

    assert main(["identify", case, "--questioned", "m05", "--background", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["reference"] for row in found["ranking"]] == ["m02", "m01"]
    assert f"{found['ranking'][0]['llr_raw']['weights']:.6g}" == rows["m02", "m05"]["llr_weights_raw"]
    assert found["candidates"] == ["m02"] and found["pairs"][0]["alternative"]["model"] == "m01"

    assert main(["tree", case, "--background", str(file), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert sorted(tree["models"]) == ["m01", "m02", "m05"] and tree["replicates"] == 100

    assert main(["explain", case, "--pair", "m05", "m02", "--background", str(file), "--json", "--top", "3"]) == 0
    why = json.loads(capsys.readouterr().out)
    assert f"{why['why'][0]['llr_raw']:.6g}" == rows["m02", "m05"]["llr_weights_raw"]
    assert {probe["prompt_id"] for probe in why["why"][0]["probes"]} == set(asked)
    assert why["phrases"][0]["models"] == 20 and set(why["phrases"][0]["prompt_ids"]) <= set(asked)
