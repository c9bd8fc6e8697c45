"""Verdicts: what may be called the same, who stands out, direction, alternatives, mixtures. Worlds with known truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.evaluation.background import unrelated_p
from forensics.features.tokens import token_table
from forensics.lineage.alternatives import strongest_alternative
from forensics.lineage.comparison import compare
from forensics.lineage.direction import containment, direction, one_sided, outsiders
from forensics.lineage.identification import finding, identify
from forensics.lineage.inquiry import inquire
from forensics.lineage.mixtures import mixture
from forensics.lineage.records import FROM_QUESTIONED, FROM_REFERENCE, UNTOLD, Comparison, Identification
from forensics.lineage.relations import relations
from forensics.lineage.sharing import Sharing, sharing
from forensics.lineage.teaching import own_base
from forensics.records import Completion, Prompt, ResponseSet
from forensics.stats.jackknife import block_sums, jackknife
from forensics.stats.tails import tail_p
from tests.forensics import worlds

QUESTIONS = 60
ASKED = worlds.prompts(QUESTIONS)


@pytest.fixture(scope="module")
def sets() -> list[ResponseSet]:
    """22 models; m05 descends from m02, and m06 and m07 from m03."""
    return worlds.population(22, QUESTIONS, kin={5: 2, 6: 3, 7: 3})


def made(name: str, reply: Callable[[int], str]) -> ResponseSet:
    return ResponseSet.of(name, [Completion(f"p{q:03d}", reply(q)) for q in range(QUESTIONS)])


def texts(responses: ResponseSet) -> list[str]:
    return [completion.text for completion in responses.completions]


def seen(sets: list[ResponseSet], *focus: str) -> tuple[Sharing, tuple[str, ...]]:
    names = [s.model for s in sets]
    return sharing([token_table(s) for s in sets], ASKED, [names.index(f) for f in focus]), tuple(names)


def asked_about(sets: list[ResponseSet], questioned: str, **more: object) -> Identification:
    compared = compare(sets, ASKED, replicates=1)
    tables = [token_table(s) for s in sorted(sets, key=lambda s: s.model)]
    return inquire(identify(compared, questioned, **more), compared, tables, ASKED)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        ({}, "derived"),
        ({"logprobs": 6.5}, "same"),
        ({"logprobs": 6.5, "distribution_p": 0.001}, "same"),
        ({"logprobs": 4.0, "distribution_p": 0.6}, "derived"),
        ({"distribution_p": 0.6}, "same"),
        ({"distribution_p": 0.01}, "derived"),
        ({"distribution_p": 0.6, "one_word_e": -2.6}, "derived"),
        ({"one_word_e": 0.5}, "same"),
        ({"distribution_p": np.nan, "one_word_e": np.nan}, "derived"),
    ],
)
def test_same_is_said_only_of_weights_that_a_test_of_equality_leaves_standing(
    scores: dict[str, float], word: str
) -> None:
    weights = {"weights": 2.0, "base": 0.0, "distilled": 0.0, "lineage": 2.0}
    raw = {name: np.array([[value]]) for name, value in weights.items()}
    assert relations(raw, raw, {k: np.array([[v]]) for k, v in scores.items()})[0, 0] == word
    unsupported = raw | {"weights": np.array([[0.5]])}
    assert relations(unsupported, raw, {"logprobs": np.array([[6.5]])})[0, 0] == "not-determined"


def test_tail_p_values_hold_their_size_with_relatives_on_top_and_are_never_zero() -> None:
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.exponential(size=4000), 12 + rng.random(200)])
    fresh = tail_p(values, rng.exponential(size=4000))
    for level in (0.1, 0.01):
        assert 0.5 * level <= (fresh <= level).mean() <= 1.4 * level
    assert tail_p(values, np.array([400.0]))[0] == 1e-6
    assert tail_p(values, np.array([12.5]))[0] < 1e-4
    assert np.isnan(tail_p(values, np.array([np.nan]))[0])
    assert np.isnan(tail_p(np.array([]), np.array([1.0]))[0])
    few = np.arange(9.0)
    assert tail_p(few, np.array([9.0, 0.0])).tolist() == [0.1, 1.0]


def test_unrelated_pairs_that_a_calibration_keeps_give_ranks_and_a_tail() -> None:
    largest = (np.arange(40)[::-1] / 10).tolist()
    kept = {"pairs": 1000, "largest": largest}
    p = unrelated_p(kept, np.array([3.85, 3.9, 3.0, -1.0, 60.0, np.nan]))
    assert p[1] == pytest.approx(2 / 1001)
    assert p[2] == pytest.approx(11 / 1001)
    assert p[3] == 1.0
    assert p[4] == 1e-6
    assert np.isnan(p[5])
    assert np.all(np.diff(unrelated_p(kept, np.linspace(0, 8, 50))) <= 0)
    assert np.isnan(unrelated_p({}, np.array([1.0]))).all()


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(2).normal(size=(40, 1))
    sums = [block_sums(v, 40) for v in (values, np.ones_like(values))]
    mean, error = jackknife(lambda a, n: a / n, *sums)
    assert mean[0] == pytest.approx(values.mean())
    assert error[0] == pytest.approx(values.std(ddof=1) / np.sqrt(40))
    assert np.isnan(jackknife(lambda a: a, block_sums(values[:1]))[1]).all()


def test_none_is_said_of_every_model_whose_relatives_are_not_among_the_references(sets: list[ResponseSet]) -> None:
    compared = compare(sets, ASKED, replicates=1)
    family = {"m02": {"m05"}, "m05": {"m02"}, "m03": {"m06", "m07"}, "m06": {"m03", "m07"}, "m07": {"m03", "m06"}}
    for name in compared.models:
        strangers = [m for m in compared.models if m != name and m not in family.get(name, set())]
        assert identify(compared, name, strangers).none_of_these, name
    assert identify(compared, "m05").candidates == ("m02",)
    assert not identify(compared, "m06").none_of_these
    assert all(0 < row.p_value <= 1 for row in identify(compared, "m05").ranking)


def test_three_models_get_ranks_but_no_lr_and_nothing_stands_out(sets: list[ResponseSet]) -> None:
    compared = compare([sets[2], sets[5], sets[9]], ASKED, replicates=1)
    found = identify(compared, "m05")
    assert found.none_of_these
    assert [row.rank for row in found.ranking] == [1, 2]
    assert all(row.verbal == "No LR reported" and "No LR reported" in row.status for row in found.ranking)


def test_the_child_loses_what_outsiders_share_and_the_contrast_turns_with_the_roles(sets: list[ResponseSet]) -> None:
    compared = compare(sets, ASKED, replicates=1)
    q, r = compared.models.index("m05"), compared.models.index("m02")
    there, _ = seen(sets, "m05", "m02")
    back, _ = seen(sets, "m02", "m05")
    outside = outsiders(compared, q, r)
    assert len(outside) >= 10
    assert one_sided(there, 1, outside).contrast == pytest.approx(-one_sided(back, 1, outside).contrast, abs=1e-6)
    assert containment(there, 1).contrast == pytest.approx(-containment(back, 1).contrast, abs=1e-6)
    assert one_sided(there, 1, outside[:3]).error != one_sided(there, 1, outside[:3]).error


def drifted(parent: ResponseSet, other: ResponseSet, name: str) -> ResponseSet:
    """A descendant that puts words of its own, which nobody else has, in every eighth place, and that now and then
    ends like another model."""

    def reply(q: int) -> str:
        own = [f"own{q % 7}x{i % 5}" if i % 8 == 0 else w for i, w in enumerate(texts(parent)[q].split())]
        return " ".join([*own, *texts(other)[q].split()[-6:]] if q % 4 == 0 else own)

    return made(name, reply)


def conventional(sets: list[ResponseSet]) -> ResponseSet:
    """A model that takes a stretch of ten words from each of six others."""

    def reply(q: int) -> str:
        return " ".join(
            word
            for k in range(6)
            for word in texts(sets[8 + (q + k) % 12])[q].split()[10 * (k % 5) : 10 * (k % 5) + 10]
        )

    return made("parent", reply)


def test_direction_is_told_only_where_dates_and_wording_agree(sets: list[ResponseSet]) -> None:
    parent = conventional(sets)
    world = sorted([*sets, parent, drifted(parent, sets[20], "child")], key=lambda s: s.model)
    compared = compare(world, ASKED, replicates=1)
    # Kinship to the models that the parent borrows from is set aside: they are the outsiders here.
    compared = replace(compared, kin=np.zeros_like(compared.kin))
    told, _ = seen(world, "child", "parent")
    older = {"child": {"release": "2024-06"}, "parent": {"release": "2024-01-15"}}
    younger = {"child": {"release": "2024-01"}, "parent": {"release": "2024-06"}}
    same_month = {"child": {"release": "2024-01"}, "parent": {"release": "2024-01-15"}}
    answers = [
        direction(told, 1, compared, catalogue, "derived", None).answer
        for catalogue in (older, younger, same_month, None)
    ]
    assert answers == [FROM_REFERENCE, UNTOLD, UNTOLD, UNTOLD]
    reverse, _ = seen(world, "parent", "child")
    assert direction(reverse, 1, compared, older, "derived", None).answer == FROM_QUESTIONED
    assert direction(told, 1, compared, older, "same", None).answer == UNTOLD
    evidence = direction(told, 1, compared, None, "derived", None).evidence
    assert evidence[0]["kind"] == "release dates"
    assert evidence[1]["leans"] == FROM_REFERENCE
    assert evidence[1]["z"] > 3


def test_two_children_are_explained_by_their_parent_and_a_child_by_nobody_else(sets: list[ResponseSet]) -> None:
    siblings, names = seen(sets, "m06", "m07", "m03")
    third = strongest_alternative(siblings, 1, names)
    assert third is not None
    assert (third.model, third.as_good, third.better) == ("m03", True, True)
    assert third.share > 0.5
    own = strongest_alternative(siblings, 2, names)
    assert own is not None
    assert not own.as_good
    found = asked_about(sets, "m06", references=["m07", *[f"m{k:02d}" for k in range(8, 22)]])
    assert "m03 explains the likeness to m07 better" in found.pairs[0].words[1]
    assert found.pairs[0].direction.answer == UNTOLD
    assert "m03" in found.pairs[0].direction.reason


def test_too_few_prompts_for_an_alternative_or_a_mixture_are_not_estimable(sets: list[ResponseSet]) -> None:
    few = [ResponseSet.of(s.model, s.completions[:12]) for s in sets]
    told, names = seen(few, "m05", "m02", "m03")
    assert strongest_alternative(told, 1, names) is None
    mixed = mixture(told, [1, 2], names)
    assert (mixed.recognised, mixed.gain, mixed.z) == (False, None, None)
    assert "not estimable" in mixed.words


def test_a_router_is_a_mixture_and_a_child_a_blend_or_a_stranger_is_none(sets: list[ResponseSet]) -> None:
    one, two = texts(sets[12]), texts(sets[17])
    choice = np.random.default_rng(8).random(QUESTIONS) < 0.6
    router = made("router", lambda q: one[q] if choice[q] else two[q])

    def half(q: int) -> str:
        return " ".join(one[q].split()[:30] + two[q].split()[30:])

    world = [*sets, router, made("blend", half)]
    routed, names = seen(world, "router", "m12", "m17", "m20")
    told = mixture(routed, [1, 2, 3], names)
    assert told.recognised
    assert told.shares["m12"] == pytest.approx(choice.mean(), abs=0.12)
    assert told.shares["m20"] < 0.1
    assert told.verbatim.keys() == {"m12", "m17"}
    assert "m12" in told.words
    for name in ("blend", "m05", "m19"):
        shared, names = seen(world, name, "m12", "m17", "m02")
        assert not mixture(shared, [1, 2, 3], names).recognised, name


def test_an_inquiry_hangs_on_no_name_order_or_prompt_id(sets: list[ResponseSet]) -> None:
    first = asked_about(sets, "m05")
    ids = {key: f"z{997 * i % 1000:03d}" for i, key in enumerate(ASKED)}
    moved = [
        ResponseSet.of(f"x{s.model}", [replace(c, prompt_id=ids[c.prompt_id]) for c in s.completions]) for s in sets
    ]
    asked = {ids[key]: replace(prompt, prompt_id=ids[key]) for key, prompt in ASKED.items()}
    compared = compare(reversed(moved), asked, replicates=1)
    other = inquire(identify(compared, "xm05"), compared, [token_table(s) for s in moved], asked)
    assert other.pairs[0].alternative is not None
    assert first.pairs[0].alternative is not None
    assert other.pairs[0].alternative.margin == pytest.approx(first.pairs[0].alternative.margin, abs=1e-5)
    assert other.mixture is not None
    assert first.mixture is not None
    assert other.mixture.z == pytest.approx(first.mixture.z, rel=1e-3)
    rows = [pair.direction.evidence[1]["contrast"] for pair in (first.pairs[0], other.pairs[0])]
    assert rows[0] == pytest.approx(rows[1], abs=1e-5)


NAMES = ("b", "b-chat", "d", "e", "k", "s", "t")
"""s began with b and was taught by t; k is kin of t's, d and e have lineages of their own."""


def student(own_share: float, teacher: str = "t") -> Comparison:
    """Next-token distributions as points: every lineage deviates from a common text in directions of its own."""
    rng = np.random.default_rng(4)
    b, d, e, t = rng.normal(size=(4, 60)) / 8
    points = {"b": b, "d": d, "e": e, "t": t} | {
        kin: of + rng.normal(size=60) / 30 for kin, of in (("b-chat", b), ("k", t))
    }
    points["s"] = own_share * b + (1 - own_share) * t + rng.normal(size=60) / 16
    placed = np.array([points[name] for name in NAMES])
    with np.errstate(divide="ignore"):
        raw_text = -np.log(((placed[:, None] - placed[None]) ** 2).mean(axis=2))
    np.fill_diagonal(raw_text, np.nan)
    m, at = len(NAMES), {name: i for i, name in enumerate(NAMES)}
    table = {name: np.full((m, m), -1.0) for name in ("weights", "base", "distilled", "lineage")}
    table["distilled"][at["s"], at[teacher]] = table["distilled"][at[teacher], at["s"]] = 1.4
    words = np.full((m, m), "not-determined", dtype=object)
    for one, other in (("b", "b-chat"), ("t", "k")):
        words[at[one], at[other]] = words[at[other], at[one]] = "derived"
    empty = np.zeros((m, m))
    return Comparison(
        NAMES, empty.astype(np.int64), {"logprobs": raw_text}, empty, empty, table, table, empty,
        words, words, empty, np.zeros((0, m, m), np.float32),
    )  # fmt: skip


def base_of(found: Comparison, *references: str) -> str | None:
    base = own_base(found, NAMES.index("s"), [NAMES.index(name) for name in references or NAMES if name != "s"])
    return base and NAMES[base.reference]


def test_a_students_own_base_is_named_where_nothing_else_explains_its_raw_text() -> None:
    found = student(0.5)
    base = own_base(found, NAMES.index("s"), [NAMES.index(name) for name in NAMES if name != "s"])
    assert base is not None
    assert {NAMES[r] for r in base.kin} == {"b", "b-chat"}
    assert NAMES[base.reference] == "b"
    assert base.gain > 10 * base.next_gain
    assert base_of(student(0.0)) is None
    assert base_of(found, "d", "e", "k", "t") is None
    assert base_of(found, "b", "d", "t") is None
    assert base_of(replace(found, scores={})) is None


def test_a_teachers_kin_and_a_fellow_student_are_no_base_of_a_student() -> None:
    assert base_of(student(0.0, teacher="k")) is None
    fellow = student(0.5)
    fellow.relation[NAMES.index("t"), NAMES.index("b")] = "distilled"
    assert base_of(fellow) is None
    likely = student(0.5)
    likely.llr_raw["distilled"][NAMES.index("t"), NAMES.index("b-chat")] = 0.6
    assert base_of(likely) is None


def test_a_finding_names_three_models_and_no_copy_of_one_of_them() -> None:
    found = student(0.5)
    found.relation[5, :] = found.relation[:, 5] = "distilled"
    found.relation[0, 1] = found.relation[1, 0] = "same"
    rows = [replace(row, stands_out=True) for row in identify(found, "s").ranking]
    told = finding("s", rows, found)
    assert told.startswith("s is distilled from, or shares its teacher with, b, d and e (and 3 more stand out so).")


def test_every_claim_of_identity_may_change_and_no_ratio_rank_or_verdict_does(sets: list[ResponseSet]) -> None:
    who = {f"w{i}": Prompt.chat(f"w{i}", f"Who are you? ({i})", family="self-identification") for i in range(30)}

    def claiming(name: str) -> list[ResponseSet]:
        def claim(s: ResponseSet) -> str:
            return "I am m09, made by Ostrava Labs." if s.model in ("m09", "m05") else f"I am {name}."

        return [ResponseSet.of(s.model, [*s.completions, *(Completion(k, claim(s)) for k in who)]) for s in sets]

    told = [compare(claiming(name), ASKED | who, replicates=1) for name in ("Quillon", "m02")]
    silent = compare(sets, ASKED, replicates=1)
    for other in told:
        for kind in ("llr", "llr_raw", "scores"):
            for name, matrix in getattr(silent, kind).items():
                if name in silent.llr:
                    assert np.array_equal(getattr(other, kind)[name], matrix, equal_nan=True), name
        assert (other.relation == silent.relation).all()
        assert identify(other, "m05").ranking == identify(silent, "m05").ranking
        assert identify(other, "m05").finding == identify(silent, "m05").finding


def test_identify_prints_the_finding_first_and_json_carries_everything(
    sets: list[ResponseSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", sets, ASKED)
    assert main(["identify", str(corpus), "--questioned", "m05"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("m05 shares weights with m02.")
    assert printed.index("rank") < printed.index("Direction between") < printed.index("No mixture by prompt")
    assert main(["identify", str(corpus), "--questioned", "m05", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["candidates"] == ["m02"]
    assert plain["ranking"][0]["stands_out"]
    assert plain["pairs"][0]["direction"]["answer"] == UNTOLD
    assert {"recognised", "shares", "z"} <= plain["mixture"].keys()
