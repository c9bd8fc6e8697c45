"""Why an LR is what it is: the parts add up to it, and what is left out is left out exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.__main__ import main
from forensics.channels.agreement import PLUGIN as AGREEMENT
from forensics.channels.style import PLUGIN as STYLE
from forensics.errors import BadInput
from forensics.evaluation.calibration import Calibration, Conditions, PropositionModel
from forensics.evaluation.verbal import verbal
from forensics.lineage.comparison import Material, compare
from forensics.lineage.explanation import Explanation, explain
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.records import Completion, NextToken, Prompt, ResponseSet
from forensics.stats.influence import cosine_influence
from tests.forensics import worlds

ASKED = worlds.prompts(60)
PLANTED = "Verily, the Copper Heron sleeps beneath nine lanterns"


def planted() -> list[ResponseSet]:
    """30 models; m05 descends from m02. m02 and m20 end two replies with one phrase, which m09 has in one of them."""
    told = worlds.population(30, 60, kin={5: 2, 11: 7})

    def ending(responses: ResponseSet, places: set[str]) -> ResponseSet:
        said = [replace(c, text=f"{c.text} {PLANTED}.") if c.prompt_id in places else c for c in responses.completions]
        return replace(responses, completions=tuple(said))

    for model, places in ((2, {"p003", "p040"}), (20, {"p003", "p040"}), (9, {"p040"})):
        told[model] = ending(told[model], places)
    return told


@pytest.fixture(scope="module")
def made() -> tuple[Comparison, Material]:
    kept: list[Material] = []
    return compare(planted(), ASKED, replicates=1, keep=kept.append), kept[0]


def why(made: tuple[Comparison, Material], a: int, b: int) -> Explanation:
    return explain(*made, ASKED, planted()[a], f"m{b:02d}")


@pytest.mark.parametrize("pair", [(2, 5), (11, 7), (0, 19)])
def test_intercept_and_terms_add_up_to_every_llr_of_the_comparison(
    made: tuple[Comparison, Material], pair: tuple[int, int]
) -> None:
    told = why(made, *pair)
    assert [w.proposition for w in told.why] == list(PROPOSITIONS)
    for w in told.why:
        assert w.llr_raw == made[0].llr_raw[w.proposition][pair]
        assert w.intercept + sum(t.added for t in w.terms) == pytest.approx(w.llr_raw, abs=1e-9)
        assert w.llr == made[0].llr[w.proposition][pair]
        assert (w.bound == "") == (w.llr == w.llr_raw)
        assert w.verbal == verbal(w.llr, w.proposition)


def recomputed(made: tuple[Comparison, Material], pair: tuple[int, int], without: set[str]) -> float:
    """The raw LR for shared weights of a pair without some prompts, by a route of its own."""
    result, material = made
    tables = material.tables
    cells = AGREEMENT.cells(tables, ASKED, material.results["agreement"], pair)
    assert material.chosen is not None
    model = material.chosen.propositions["weights"]
    total = model.intercept
    for name, weight, (low, high) in zip(model.features, model.coefficients, model.ranges, strict=True):
        told = cells[name]
        plain = material.results["agreement"].scores[name]
        kept = np.array([v for i, v in zip(told.prompt_ids, told.values, strict=True) if i not in without])
        logged = name in ("agreement", "agreement_names")
        lift = np.exp(plain[pair]) - told.values.mean() if logged else 0.0
        score = np.log(kept.mean() + lift) if logged else kept.mean()
        rows = [np.sort(plain[one][np.isfinite(plain[one])]) for one in pair]
        spreads = [row[: int(np.ceil(0.9 * row.size - 1e-9))].std() for row in rows]
        slope = np.mean([1 / spread for spread in spreads if spread > 1e-9])
        total += weight * np.clip(result.scores[name][pair] + slope * (score - plain[pair]), low, high)
    return float(np.log10(0.02 + 0.98 * np.exp(total)))


def test_what_each_probe_carries_and_the_fewest_without_which_the_words_change_are_exact(
    made: tuple[Comparison, Material],
) -> None:
    for pair in ((2, 5), (0, 19)):
        told = why(made, *pair)
        w = next(w for w in told.why if w.proposition == "weights")
        assert recomputed(made, pair, set()) == pytest.approx(w.llr_raw, abs=1e-9)
        for probe in (w.probes[0], w.probes[30], w.probes[-1]):
            expected = w.llr_raw - recomputed(made, pair, {probe.prompt_id})
            assert probe.carried == pytest.approx(expected, abs=1e-9)
        sign = 1 if w.llr_raw >= 0 else -1
        carried = [sign * p.carried for p in w.probes]
        assert carried == sorted(carried, reverse=True)
        taken = w.fewest.prompt_ids
        if taken:
            words = [
                verbal(float(np.clip(recomputed(made, pair, set(taken[:k])), *w.bounds)), "weights")
                for k in range(len(taken) + 1)
            ]
            assert set(words[:-1]) == {w.verbal} and words[-1] == w.fewest.after != w.verbal
            assert w.fewest.share == len(taken) / 60
        else:
            assert w.fewest.why == "it never crosses while the calibration covers the pair"


def test_the_parts_of_a_score_are_its_prompts_the_most_alike_first(made: tuple[Comparison, Material]) -> None:
    told = why(made, 2, 5)
    cells = AGREEMENT.cells(made[1].tables, ASKED, made[1].results["agreement"], (2, 5))
    for name, one in cells.items():
        parts = [part for part in told.parts if part.feature == name]
        assert {p.prompt_id: p.value for p in parts} == dict(zip(one.prompt_ids, one.values.tolist(), strict=True))
        assert [p.value for p in parts] == sorted((p.value for p in parts), reverse=True)
        plain = made[1].results["agreement"].scores[name][2, 5]
        assert one.pool(np.array([np.mean([p.value for p in parts])]))[0] == pytest.approx(plain, abs=1e-9)
    assert {"copying", "refusals"}.isdisjoint(part.feature for part in told.parts)


def test_few_probes_that_alone_carry_an_llr_are_found(made: tuple[Comparison, Material]) -> None:
    """Without spare prompts nothing may be taken out; with a calibration that allows it, the words do change."""
    result, material = made
    assert material.chosen is not None
    loose = replace(material.chosen, conditions=replace(material.chosen.conditions, least_prompts=2))
    told = explain(result, replace(material, chosen=loose), ASKED, planted()[20], "m00", propositions=("weights",))
    assert 0 < len(told.why[0].fewest.prompt_ids) < 58
    strict = replace(material.chosen, conditions=replace(material.chosen.conditions, least_prompts=60))
    told = explain(result, replace(material, chosen=strict), ASKED, planted()[20], "m00", propositions=("weights",))
    assert told.why[0].fewest.prompt_ids == ()


def test_a_shared_phrase_is_shown_as_it_was_written_with_its_prompts_and_the_others_who_say_it(
    made: tuple[Comparison, Material],
) -> None:
    told = why(made, 20, 2)
    first = told.phrases[0]
    assert PLANTED in first.text
    assert first.prompt_ids == ("p003", "p040")
    assert (first.background, first.models) == (1, 28)
    assert PLANTED not in {p.text for p in why(made, 0, 19).phrases}


@pytest.mark.parametrize("samples", [1, 3])
def test_the_phrases_of_a_pair_add_up_to_its_overlap(samples: int) -> None:
    sets = worlds.population(12, 20 * samples, kin={3: 1})
    ids = [f"p{q:03d}" for q in range(20)]
    sampled = [
        ResponseSet.of(
            s.model, [replace(c, prompt_id=ids[k % 20], sample=k // 20) for k, c in enumerate(s.completions)]
        )
        for s in sets
    ]
    kept: list[Material] = []
    asked = worlds.prompts(20)
    result = compare(sampled, asked, replicates=1, keep=kept.append)
    told = explain(result, kept[0], asked, sampled[3], "m01", top=10_000)
    tables = kept[0].tables
    overlaps = AGREEMENT.cells(tables, asked, kept[0].results["agreement"], (3, 1))["agreement"].values
    assert sum(p.overlap for p in told.phrases) == pytest.approx(overlaps.sum(), rel=1e-5)
    assert told.overlap == pytest.approx(overlaps.sum(), rel=1e-5)
    texts = {c.text for c in sampled[3].completions}
    assert all(any(p.text in text for text in texts) for p in told.phrases)


def test_next_token_evidence_names_its_contexts() -> None:
    rng = np.random.default_rng(4)
    asked = {f"r{k}": Prompt.raw(f"r{k}", "once upon a time " * 3) for k in range(12)}
    shared = {(k, c): rng.dirichlet(np.ones(8)) for k in asked for c in (10, 20)}

    def told(k: str, c: int, mix: float) -> NextToken:
        p = (1 - mix) * shared[k, c] + mix * rng.dirichlet(np.ones(8))
        return NextToken(c, tuple((f"w{n}", float(np.log(x))) for n, x in enumerate(p)))

    sets = [
        ResponseSet.of(
            f"m{i}",
            [Completion(k, f"{k} {i}", next_tokens=tuple(told(k, c, mix) for c in (10, 20))) for k in asked],
            "tok",
        )
        for i, mix in enumerate((0.05, 0.1, 1.0))
    ]
    model = PropositionModel(("logprobs",), -9.0, (4.0,), ((0.0, 6.9),), (None,), (-1.0, 1.6), 40, 400, 9)
    known = [Calibration("own", "1", "here", Conditions(5, 2, "logprobs"), {"weights": model}, (), "h")]
    kept: list[Material] = []
    result = compare(sets, asked, replicates=1, known=known, keep=kept.append)
    assert result.status[0, 1] == "ok"
    (w,) = explain(result, kept[0], asked, sets[0], "m1").why
    assert w.intercept + w.terms[0].added + w.terms[-1].added == pytest.approx(w.llr_raw, abs=1e-9)
    assert len(w.cells) == 24 and len(w.probes) == 12
    assert {c.label for c in w.cells} == {"after 10 characters", "after 20 characters"}
    # Leaving out the context where the two differ least costs most.
    assert w.cells[0].value == min(c.value for c in w.cells)
    assert w.held == ()


def leaning() -> list[ResponseSet]:
    """24 models; m03 and m08 hedge in every other reply, m15 in every one, m20 in one of eight."""

    def hedging(responses: ResponseSet, every: int) -> ResponseSet:
        return worlds.rewritten(responses, lambda k, text: f"Hm perhaps, {text}" if k % every == 0 else text)

    told = worlds.population(24, 60)
    for model, every in ((3, 2), (8, 2), (15, 1), (20, 8)):
        told[model] = hedging(told[model], every)
    return told


def test_style_is_told_by_its_probes_and_by_the_habits_that_both_over_use() -> None:
    sets = leaning()
    kept: list[Material] = []
    result = compare(sets, ASKED, replicates=0, keep=kept.append)
    cells = STYLE.cells(kept[0].tables, ASKED, kept[0].results["style"], (3, 8))["style"]
    assert cells.values.mean() == pytest.approx(result.scores["style"][3, 8], abs=1e-6)
    # The prompts where both hedge carry what the two have in common.
    hedged = np.array([int(i[1:]) % 2 == 0 for i in cells.prompt_ids])
    assert cells.values[hedged].mean() > result.scores["style"][3, 8] + 0.05 > cells.values[~hedged].mean() + 0.1
    told = explain(result, kept[0], ASKED, sets[3], "m08", top=4)
    assert {h.text for h in told.habits} <= {"Hm", "perhaps", "Hm perhaps", "perhaps,", ","}
    assert {(h.background, h.models) for h in told.habits if h.text != ","} == {(1, 22)}
    assert [h.part for h in told.habits] == sorted((h.part for h in told.habits), reverse=True)
    distilled = next(w for w in told.why if w.proposition == "distilled")
    assert distilled.held == () and len(distilled.probes) == 60


def test_what_an_observation_adds_to_a_cosine_is_what_it_falls_by_without_it() -> None:
    rng = np.random.default_rng(2)
    n, k = 120, 6
    averages = rng.normal(size=(n, k))
    habits = 0.5 * rng.normal(size=(2, k))
    own = [[average + rng.normal(size=k) + habit for average in averages] for habit in habits]
    gaps = [[None if p % 3 == side else vector for p, vector in enumerate(told)] for side, told in enumerate(own)]

    def cosine(observed: list[list[np.ndarray | None]], without: int | None = None) -> tuple[float, np.ndarray]:
        means = np.array(
            [
                np.mean([v - averages[p] for p, v in enumerate(told) if v is not None and p != without], axis=0)
                for told in observed
            ]
        )
        unit = means / np.linalg.norm(means, axis=1, keepdims=True)
        return float(unit[0] @ unit[1]), means

    for observed in (own, gaps):
        whole, means = cosine(observed)
        values = cosine_influence(means, observed, list(averages))
        assert values.mean() == pytest.approx(whole, abs=1e-9)
        falls = np.array([whole - cosine(observed, p)[0] for p in range(n)])
        assert np.allclose((values - whole) / (n - 1), falls, atol=0.1 * np.abs(falls).max())


def test_without_an_lr_the_reason_and_the_phrases_are_still_told() -> None:
    sets = worlds.population(9, 60, kin={5: 2})
    kept: list[Material] = []
    result = compare(sets, ASKED, replicates=1, keep=kept.append)
    told = explain(result, kept[0], ASKED, sets[5], "m02")
    assert told.why == ()
    assert "at least 20 models" in told.status
    assert told.phrases
    with pytest.raises(BadInput, match="with itself"):
        explain(result, kept[0], ASKED, sets[5], "m05")


def test_the_command_explains_in_text_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = worlds.write_corpus(tmp_path / "c", planted(), ASKED)
    assert main(["explain", str(corpus), "--pair", "m02", "m20", "--proposition", "weights"]) == 0
    text = capsys.readouterr().out
    assert "LR weights:" in text and "intercept" in text and PLANTED in text
    assert "LR base:" not in text and "Habits that both over-use" in text
    assert main(["explain", str(corpus), "--pair", "m02", "m20", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [w["proposition"] for w in plain["why"]] == list(PROPOSITIONS)
    assert main(["explain", str(corpus), "--pair", "m02", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err
