"""Calibration, bounds and metrics against closed forms and against an independent implementation (NFI lir)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forensics.errors import BadInput
from forensics.evaluation import bounds, calibration, fusion, metrics
from forensics.evaluation.fitting import fit_calibration
from forensics.evaluation.fusion import LabelledPairs
from forensics.evaluation.pairs import PairTable
from forensics.evaluation.verbal import NO_LR, sentence, verbal


def made(seed: int, related: int = 60, unrelated: int = 900, gap: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(gap, 1, related), rng.normal(0, 1, unrelated)


def exact_llr(score: np.ndarray, gap: float = 3.0) -> np.ndarray:
    """log10 LR of two unit normals `gap` apart."""
    return (gap * score - gap * gap / 2) / math.log(10)


def table(seed: int, corpus: str = "c") -> PairTable:
    yes, no = made(seed)
    score = np.concatenate([yes, no])
    relation = np.array(["parent_child"] * yes.size + ["unrelated"] * no.size, dtype=object)
    groups = tuple((f"f{i % 12}", f"f{i % 12}" if i < yes.size else f"f{(i * 7 + 3) % 12}") for i in range(score.size))
    return PairTable(corpus, relation, groups, {"agreement": score})


def test_metrics_have_their_closed_forms() -> None:
    assert metrics.auc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(0.875)
    assert metrics.cllr(np.zeros(3), np.zeros(5)) == pytest.approx(1.0)
    assert metrics.cllr(np.array([300.0]), np.array([-300.0])) == pytest.approx(0.0)
    assert metrics.cllr_floor(1, 1, -1.0, math.log10(200)) == pytest.approx(0.07, abs=0.005)
    assert metrics.eer(np.array([1.0, 2.0]), np.array([-1.0, 0.0])) == 0.0
    assert metrics.eer(np.array([1.0, 0.0]), np.array([1.0, 0.0])) == pytest.approx(0.5)
    assert math.isnan(metrics.auc(np.array([]), np.array([1.0])))


def test_equal_error_rate_of_two_normals() -> None:
    yes, no = made(1, 20_000, 20_000)
    assert metrics.eer(yes, no) == pytest.approx(0.0668, abs=0.004)  # Phi(-1.5)


def test_cllr_and_bounds_agree_with_lir() -> None:
    lir_metrics = pytest.importorskip("lir.metrics", reason="needs the development dependency lir")
    from lir.algorithms.bayeserror import elub
    from lir.algorithms.invariance_bounds import calculate_invariance_bounds
    from lir.data.models import LLRData

    for seed in range(4):
        yes, no = (exact_llr(x) for x in made(seed, 40, 300))
        llr, labels = np.concatenate([yes, no]), np.concatenate([np.ones(yes.size), np.zeros(no.size)])
        data = LLRData(features=llr.reshape(-1, 1), labels=labels)
        assert metrics.cllr(yes, no) == pytest.approx(float(lir_metrics.cllr(data)), abs=1e-9)
        assert metrics.cllr_min(yes, no) == pytest.approx(float(lir_metrics.cllr_min(data)), abs=1e-6)
        assert bounds.elub(yes, no) == pytest.approx(elub(llr.copy(), labels), abs=1e-9)
        low, high = calculate_invariance_bounds(10 ** llr.copy(), labels)[:2]
        assert bounds.invariance(yes, no) == pytest.approx((math.log10(low), math.log10(high)), abs=2e-3)


def test_turing_rule_is_judged_with_room_for_chance() -> None:
    assert metrics.misleading(np.full(1000, -1.0)).turing_holds
    assert metrics.misleading(np.concatenate([np.full(990, -1.0), np.full(10, 2.5)])).turing_holds
    assert not metrics.misleading(np.concatenate([np.full(960, -1.0), np.full(40, 2.5)])).turing_holds


def test_fusion_recovers_the_exact_likelihood_ratio() -> None:
    yes, no = made(7, 40_000, 40_000)
    score = np.concatenate([yes, no])
    related = np.arange(80_000) < 40_000
    pairs = LabelledPairs({"s": score}, related, np.ones(80_000), [("a", "b")] * 80_000)
    model = fusion.fit(pairs, ["s"], ridge=1e-6)
    grid = np.linspace(0, 3, 7)
    assert np.allclose(model.fused({"s": grid}, grid.shape), exact_llr(grid), atol=0.12)


def test_balance_does_not_matter_and_weights_are_never_negative() -> None:
    yes, no = made(8, 300, 3000)
    score = np.concatenate([yes, no])
    related = np.arange(3300) < 300
    pairs = LabelledPairs({"s": score, "against": -score}, related, np.ones(3300), [("a", "b")] * 3300)
    model = fusion.fit(pairs, ["s", "against"])
    assert model.coefficients[1] == 0.0
    assert model.llr_raw(pairs.scores, (3300,))[~related].mean() < 0


def test_a_missing_score_takes_what_the_fit_saw_or_gives_no_lr() -> None:
    yes, no = made(9, 300, 300)
    score = np.concatenate([yes, no])
    other = np.where(np.arange(600) % 3 == 0, np.nan, score)
    pairs = LabelledPairs({"s": score, "other": other}, np.arange(600) < 300, np.ones(600), [("a", "b")] * 600)
    model = fusion.fit(pairs, ["s", "other"])
    assert np.isfinite(model.llr_raw({"s": np.array([1.0]), "other": np.array([np.nan])}, (1,))).all()
    assert np.isnan(model.llr_raw({"s": np.array([np.nan]), "other": np.array([1.0])}, (1,))).all()


def test_held_out_fits_never_see_the_family_that_they_judge() -> None:
    pairs = table(3).labelled("weights")
    of_f0 = np.array(["f0" in group for group in pairs.groups])
    judged = int(np.flatnonzero(of_f0)[0])
    twisted = pairs.scores["agreement"].copy()
    twisted[of_f0] *= -1
    twisted[judged] *= -1
    bent = LabelledPairs({"agreement": twisted}, pairs.related, pairs.weight, pairs.groups)
    before, after = (fusion.held_out(p, ["agreement"], folds=12) for p in (pairs, bent))
    assert before[judged] == after[judged]
    assert not np.allclose(before[~of_f0], after[~of_f0])  # the others' fits did see it


def test_bounds_are_the_tightest_above_and_no_looser_than_one_fiftieth_below() -> None:
    yes, no = (exact_llr(x) for x in made(4, 500, 5000))
    low, high = bounds.combined(yes, no, 12)
    assert high <= math.log10(12) + 1e-12
    assert math.log10(0.02) - 1e-12 <= low <= 0
    assert bounds.combined(yes, no, 1)[1] == 0.0


def test_a_fitted_calibration_survives_its_file_and_refuses_what_it_does_not_cover() -> None:
    plain = fit_calibration(
        [table(1, "one"), table(2, "two")],
        name="t",
        version="1",
        origin="made up",
        conditions={"least_prompts": 40, "least_models": 20},
        features={"weights": ("agreement",)},
    )
    read = calibration.parse(plain, where="t.json")
    model = read.propositions["weights"]
    assert model.families == 12
    assert model.bounded(np.array([9.0, -9.0])).tolist() == pytest.approx([model.bounds[1], model.bounds[0]])
    chosen, why = calibration.choose([read], models=19, suite_hash="", tokenizers=[""])
    assert chosen is None
    assert "at least 20 models" in why
    with pytest.raises(BadInput, match=r"t\.json"):
        calibration.parse({"name": "t"}, where="t.json")


def test_every_shipped_calibration_can_be_read_and_has_bounds_on_both_sides() -> None:
    found = calibration.shipped()
    assert "pooled-open-chat" in {c.name for c in found}
    for one in found:
        for model in one.propositions.values():
            assert math.log10(0.02) - 1e-9 <= model.bounds[0] <= 0 <= model.bounds[1]


def test_words_follow_the_bounded_number() -> None:
    assert verbal(None) == NO_LR
    assert verbal(0.2) == "no support for one over the other"
    assert verbal(1.23) == "moderate support for lineage"
    assert verbal(-0.5) == "weak support for no relation"
    assert verbal(0.6, "distilled") == "weak support for distillation"
    assert "is not the probability" in sentence(-1.0, "Hp", "Hd")
    assert sentence(-1.0, "Hp", "Hd").startswith("The findings are about 10 times more probable if Hd than if Hp")
    assert sentence(None, "Hp", "Hd", why="too few prompts") == "No LR reported: too few prompts."
