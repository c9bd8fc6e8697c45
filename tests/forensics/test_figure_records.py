"""What figures are drawn from: channels of a fused LR, links and their support, refusals by topic, one-word answers."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.errors import BadInput
from forensics.evaluation import calibration as calibrations
from forensics.evaluation import experience
from forensics.evaluation.calibration import Calibration, Conditions, PropositionModel
from forensics.evaluation.curves import shares_at
from forensics.evaluation.experience import GROUPS
from forensics.evaluation.labels import UNRELATED
from forensics.evaluation.pairs import PairTable
from forensics.lineage.comparison import compare
from forensics.lineage.contributions import contributions
from forensics.lineage.links import directions_of, network
from forensics.lineage.observed import one_words
from forensics.lineage.records import (
    FROM_QUESTIONED,
    UNTOLD,
    Comparison,
    Direction,
    Identification,
    PairInquiry,
)
from forensics.lineage.storage import load, save
from forensics.records import Completion, Prompt, Relation, ResponseSet
from tests.forensics import worlds

LABELS = {"weights": "parent_child", "distilled": "teacher_student"}


def table(corpus: str, seed: int, *, related: int = 40, unrelated: int = 400) -> PairTable:
    """Pairs whose two scores both tell of lineage and hang together, as channels that read one text do."""
    rng = np.random.default_rng(seed)
    yes = np.arange(related + unrelated) < related
    common = rng.normal(size=yes.size)
    columns = {name: 3.0 * yes + common + 0.4 * rng.normal(size=yes.size) for name in ("agreement", "style")}
    names = np.where(yes, "parent_child", UNRELATED).astype(object)
    names[related // 2 : related] = "teacher_student"
    groups = tuple((f"{corpus}-{k % 30}", f"{corpus}-{(k * 7 + 1) % 30}") for k in range(yes.size))
    return PairTable(corpus, names, groups, columns)


@pytest.fixture(scope="module")
def fitted() -> tuple[Calibration, dict[str, object]]:
    """A calibration of two channels fitted on three recordings, and its experience."""
    from forensics.evaluation.fitting import fit_calibration

    tables = [table(f"c{seed}", seed) for seed in range(3)]
    wanted = {"weights": ("agreement", "style"), "distilled": ("style",)}
    conditions = {"least_prompts": 5, "least_models": 2}
    plain = fit_calibration(
        tables, name="own", version="1", origin="made up", conditions=conditions, features=wanted, ridge=0.01
    )
    chosen = calibrations.parse(plain, where="own")
    return chosen, experience.experience(tables, chosen, ridges=dict.fromkeys(wanted, 0.01))


def two(scores: dict[str, float], model: PropositionModel, digest: str) -> Comparison:
    """A comparison of two models with these scores and the LR that the model gives of them."""
    square = {name: np.array([[np.nan, value], [value, np.nan]]) for name, value in scores.items()}
    raw = model.llr_raw(square, (2, 2))
    word = np.full((2, 2), "ok", dtype=object)
    nothing = np.zeros((2, 2))
    return Comparison(
        ("a", "b"), np.full((2, 2), 60), square, nothing, nothing, {"weights": model.bounded(raw)}, {"weights": raw},
        nothing, word, word, nothing, np.zeros((0, 2, 2), np.float32), {"hash": digest},
    )  # fmt: skip


def test_channels_alone_and_their_dependence_add_up_to_the_fused_lr_and_its_bound(fitted: tuple) -> None:  # type: ignore[type-arg]
    chosen, told = fitted
    model = chosen.propositions["weights"]
    result = two({"agreement": 4.0, "style": 4.2}, model, chosen.hash)
    found = contributions(result, ("a", "b"), proposition="weights", known=[chosen], told=told)
    assert found is not None
    assert [part.feature for part in found.parts] == ["agreement", "style"]
    assert found.naive == pytest.approx(sum(part.alone or 0.0 for part in found.parts))
    assert found.naive + found.dependence == pytest.approx(found.raw)
    assert found.raw + found.cut == pytest.approx(found.bounded)
    # Both channels see the same thing: what each says alone must not be counted twice.
    assert found.dependence < -0.5
    intercept = model.intercept / np.log(10)
    fused = intercept + sum(part.added for part in found.parts)
    assert np.log10(0.02 + 0.98 * 10**fused) == pytest.approx(found.raw, abs=1e-9)


def test_a_score_that_is_missing_says_nothing_alone_and_without_a_record_nothing_is_told(fitted: tuple) -> None:  # type: ignore[type-arg]
    chosen, told = fitted
    model = replace(chosen.propositions["weights"], missing=(0.1, 0.2))
    own = replace(chosen, propositions={"weights": model})
    result = two({"agreement": 4.0, "style": np.nan}, model, own.hash)
    found = contributions(result, ("a", "b"), proposition="weights", known=[own], told=told)
    assert found is not None
    assert [(part.score, part.alone) for part in found.parts][1] == (None, None)
    assert found.parts[1].added == pytest.approx(0.2 / np.log(10))
    assert contributions(result, ("a", "b"), proposition="weights", known=[own]) is None
    assert contributions(result, ("a", "b"), proposition="weights", known=[]) is None
    with pytest.raises(BadInput, match="not among the compared models: c"):
        contributions(result, ("a", "c"), proposition="weights", known=[own])


def test_an_experience_judges_each_recording_by_the_others_and_needs_two(fitted: tuple) -> None:  # type: ignore[type-arg]
    chosen, told = fitted
    (weights, distilled) = told["propositions"]
    assert (weights["n"], weights["unrelated"]) == (60, 1200)
    assert weights["left_out"]["cllr"] < 0.3
    assert weights["left_out"]["cllr"] <= weights["left_out_bounded"]["cllr"] + 0.3
    lower, upper = weights["bounds"]
    assert lower <= min(weights["left_out_bounded"]["tippett"]["x"])
    assert max(weights["left_out_bounded"]["tippett"]["x"]) <= upper
    assert distilled["features"] == ["style"]
    with pytest.raises(BadInput, match="at least two"):
        experience.experience([table("c0", 0)], chosen, ridges={})


def test_the_leave_out_is_real_a_recording_that_contradicts_the_others_is_judged_badly() -> None:
    """Were a recording judged by a fit that has seen it, a turned one would not cost so much."""
    told = [table(f"c{seed}", seed) for seed in range(3)]
    turned = replace(told[2], columns={name: -values for name, values in told[2].columns.items()})
    model = PropositionModel(("agreement",), 0.0, (1.0,), ((-9.0, 9.0),), (None,), (-2.0, 2.0), 9, 9, 9)
    chosen = Calibration("own", "1", "x", Conditions(1, 2), {"weights": model}, (), "h")
    costs = [
        experience.experience(tables, chosen, ridges={"weights": 0.01})["propositions"][0]["left_out"]["cllr"]
        for tables in (told, [*told[:2], turned])
    ]
    assert costs[0] < 0.3 < 1.0 < costs[1]


def test_distributions_hold_every_pair_of_their_group(fitted: tuple) -> None:  # type: ignore[type-arg]
    _, told = fitted
    style = told["distributions"]["style"]
    assert {name: group["n"] for name, group in style["groups"].items()} == {
        "unrelated": 1200, "distilled": 60, "derived": 60,
    }  # fmt: skip
    for group in style["groups"].values():
        assert sum(group["shares"]) == pytest.approx(1.0, abs=1e-4)
    assert len(style["edges"]) == len(style["groups"]["derived"]["shares"]) + 1
    assert style["groups"]["derived"]["median"] > style["groups"]["unrelated"]["median"] + 2


@pytest.mark.parametrize("name", sorted(c.name for c in calibrations.shipped()))
def test_every_shipped_calibration_ships_what_it_did_elsewhere(name: str) -> None:
    chosen = next(c for c in calibrations.shipped() if c.name == name)
    told = experience.shipped(chosen.name, chosen.hash)
    assert told["propositions"], "fit again, then make its experience again: the hash is another"
    assert {row["proposition"] for row in told["propositions"]} == set(chosen.propositions)
    for row in told["propositions"]:
        assert row["bounds"] == pytest.approx(list(chosen.propositions[row["proposition"]].bounds), abs=1e-6)
        assert row["n"] >= 5 and row["unrelated"] >= 100
        assert row["left_out"]["cllr"] is not None
    weighed = {f for model in chosen.propositions.values() for f in model.weighed}
    assert weighed <= set(told["distributions"])
    for proposition, model in chosen.propositions.items():
        assert set(told["alone"][proposition]) == set(model.weighed)
    assert experience.shipped(chosen.name, "another hash") == experience.NOTHING


def test_a_tippett_curve_is_read_at_the_point_at_or_below() -> None:
    x, shares = [-1.0, 0.0, 1.0], [1.0, 0.5, 0.1]
    assert [shares_at(x, shares, llr) for llr in (-3.0, -1.0, 0.4, 1.0, 1.2)] == [1.0, 1.0, 0.5, 0.1, 0.0]


def grouped() -> Comparison:
    """Two pairs of kin, far from each other and from a stranger; in one of four replicates c and d drift apart."""
    distance = np.full((5, 5), 9.0)
    for i, j in ((0, 1), (2, 3)):
        distance[i, j] = distance[j, i] = 1.0
    np.fill_diagonal(distance, 0.0)
    relation = np.full((5, 5), Relation.UNRELATED.value, dtype=object)
    relation[0, 1] = relation[1, 0] = Relation.DERIVED.value
    relation[2, 3] = relation[3, 2] = Relation.DISTILLED.value
    replicates = np.stack([distance] * 4).astype(np.float32)
    replicates[0, 2, 3] = replicates[0, 3, 2] = 20.0
    nothing = {"lineage": np.zeros((5, 5))}
    return Comparison(
        tuple("abcde"), np.full((5, 5), 60), {}, -distance, distance, nothing, nothing, np.ones((5, 5)), relation,
        relation, distance, replicates,
    )  # fmt: skip


def test_links_are_the_pairs_found_to_have_lineage_with_their_support() -> None:
    found = network(grouped())
    assert [(k.model_a, k.model_b, k.relation, k.support, k.parent) for k in found.links] == [
        ("a", "b", "derived", 1.0, ""),
        ("c", "d", "distilled", 0.75, ""),
    ]
    assert (found.alone, found.replicates) == (("e",), 4)
    apart = {frozenset(p): np.hypot(*np.subtract(found.places[p[0]], found.places[p[1]])) for p in ("ab", "cd", "ac")}
    assert apart[frozenset("ab")] < 2 and apart[frozenset("cd")] < 2 < 6 < apart[frozenset("ac")]


def test_a_link_has_a_direction_only_where_an_inquiry_has_decided_it() -> None:
    def told(answer: str) -> Identification:
        pair = PairInquiry("b", Direction(answer, "because", ()), None, ())
        return Identification("a", (), False, "", {}, pairs=(pair,))

    assert directions_of(told(UNTOLD)) == {}
    assert directions_of(told(FROM_QUESTIONED)) == {("a", "b"): "a"}
    assert network(grouped(), directions_of(told(FROM_QUESTIONED))).links[0].parent == "a"


def test_a_network_does_not_hang_on_the_order_or_the_names_of_models() -> None:
    result = grouped()
    first = network(result)
    assert network(result) == first
    no_replicates = replace(result, support_distances=np.zeros((0, 5, 5), np.float32))
    assert {link.support for link in network(no_replicates).links} == {None}


def test_refusals_by_topic_are_counted_with_the_comparison_and_survive_the_disk(tmp_path: Path) -> None:
    asked = {f"p{k:02d}": Prompt.chat(f"p{k:02d}", f"Question {k}?", category=("opinion", "person")[k % 2],
                                     family="refusal-boundary") for k in range(12)}  # fmt: skip
    no = "I'm sorry, but I can't help with that request."

    def model(name: str, declines: str) -> ResponseSet:
        dice = random.Random(name)
        return ResponseSet.of(
            name,
            [Completion(i, no if p.category == declines else " ".join(dice.choices(worlds.WORDS, k=30)))
             for i, p in asked.items()],
        )  # fmt: skip

    result = compare([model("a", "opinion"), model("b", "person"), model("c", "")], asked, replicates=2)
    for told in (result, _stored(result, tmp_path)):
        assert told.refusals is not None
        assert told.refusals.topics == ("opinion", "person")
        assert told.refusals.shares.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        assert told.refusals.n.tolist() == [[6, 6]] * 3
    before = _stored(replace(result, refusals=None), tmp_path / "before")
    assert before.refusals is None


def _stored(result: Comparison, folder: Path) -> Comparison:
    save(result, folder)
    return load(folder)


def test_one_word_answers_are_shares_of_replies_on_questions_that_all_answered() -> None:
    asked = {i: Prompt.chat(i, i, family="one-word") for i in ("w1", "w2", "w3")} | {"p": Prompt.chat("p", "Why?")}

    def told(name: str, **words: str) -> ResponseSet:
        rows = [Completion(i, w, k) for i, given in words.items() for k, w in enumerate(given.split())]
        return ResponseSet.of(name, rows)

    found = one_words([told("a", w1="Red. red blue Red", w2="cat", p="x"), told("b", w1="blue red", w3="oak")], asked)
    (only,) = found.asked
    assert (only.prompt_id, only.n) == ("w1", (4, 2))
    assert dict(only.shares) == {"red": (0.75, 0.5), "blue": (0.25, 0.5)}
    assert found.overlap == {"w1": 0.75}
    assert one_words([told("a"), told("b")], asked).asked == ()


def test_every_group_of_the_distributions_is_a_documented_relation() -> None:
    from forensics.evaluation.labels import ORDER

    assert {kind for kinds in GROUPS.values() for kind in kinds} <= {*ORDER, UNRELATED}
