"""Validation: intervals that cover, figures that agree with an independent implementation, commands that say so."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from forensics.__main__ import main
from forensics.evaluation import calibration, compression, curves, metrics, resampling, weighted
from forensics.evaluation.experience import RECORD
from forensics.evaluation.judging import Judge
from forensics.evaluation.pairs import PairTable
from forensics.evaluation.prompts import DRAWS, by_coverage, draws
from forensics.evaluation.teachers import Vote, teacher_rows
from forensics.evaluation.transfer import leave_corpus_out
from forensics.evaluation.validation import relation_rows, turing_failures, validation
from tests.forensics import worlds


def scored(seed: int, related: int = 60, unrelated: int = 500) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(1, 1, related), 1), np.round(rng.normal(-1, 1, unrelated), 1)


@pytest.mark.parametrize("figure", ["auc", "eer", "cllr", "cllr_min"])
def test_a_weight_of_two_is_the_pair_twice_and_of_nought_is_no_pair(figure: str) -> None:
    yes, no = scored(1)
    rng = np.random.default_rng(2)
    times = rng.integers(0, 4, yes.size), rng.integers(0, 4, no.size)
    background = weighted.Unrelated(no, times[1][:, None].astype(float))
    told = getattr(weighted, figure)(yes, times[0][:, None].astype(float), background)[0]
    assert told == pytest.approx(getattr(metrics, figure)(np.repeat(yes, times[0]), np.repeat(no, times[1])), abs=1e-9)


def test_a_replicate_without_related_pairs_is_not_estimable() -> None:
    yes, no = scored(1)
    background = weighted.Unrelated(no, np.ones((no.size, 2)))
    weights = np.stack([np.ones(yes.size), np.zeros(yes.size)], axis=1)
    for figure in (weighted.auc, weighted.eer, weighted.cllr, weighted.cllr_min):
        assert np.isfinite(figure(yes, weights, background)).tolist() == [True, False]


def test_ece_and_recalibration_agree_with_lir() -> None:
    theirs = pytest.importorskip("lir.plotting.expected_calibration_error", reason="needs lir")
    yes, no = scored(3)
    labels = np.concatenate([np.ones(yes.size), np.zeros(no.size)])
    told = curves.ece(yes, no)
    chance = 1 / (1 + 10.0 ** -np.array(told["prior"]))
    llr = np.concatenate([yes, no])
    assert np.allclose(told["system"], theirs.calculate_ece(10.0**llr, labels, chance), atol=1e-5)
    from lir.algorithms.isotonic_regression import IsotonicCalibrator

    pooled = IsotonicCalibrator().fit_transform(llr, labels)
    ours = np.concatenate(curves.recalibrated(yes, no))
    finite = np.isfinite(ours)
    assert np.array_equal(finite, np.isfinite(pooled))
    assert np.allclose(ours[finite], pooled[finite], atol=1e-9)
    assert told["recalibrated"][len(chance) // 2] == pytest.approx(metrics.cllr_min(yes, no), abs=1e-5)
    assert metrics.cllr_cal(yes, no) == pytest.approx(metrics.cllr(yes, no) - metrics.cllr_min(yes, no))


def dependent(seed: int, families: int = 24, members: int = 4) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Scores of all pairs of families' models: each family has its own taste, which every pair of its models shares."""
    rng = np.random.default_rng(seed)
    taste, closeness = rng.normal(0, 0.7, families), rng.normal(0, 0.8, families)
    family = np.repeat(np.arange(families), members)
    first, second = np.triu_indices(family.size, 1)
    related = family[first] == family[second]
    score = taste[family[first]] + taste[family[second]] + rng.normal(0, 0.5, first.size)
    score += np.where(related, 1.5 + closeness[family[first]], 0.0)
    return score, related, [(f"f{a}", f"f{b}") for a, b in zip(family[first], family[second], strict=True)]


def test_the_family_bootstrap_covers_the_truth_where_resampling_pairs_does_not() -> None:
    # A related pair's score has mean 1.5 and variance 4 x .49 + .64 + .25, an unrelated one's 0 and 2 x .49 + .25.
    truth = norm.cdf(1.5 / math.sqrt(2.85 + 1.23))
    covered = dict.fromkeys(("families", "pairs"), 0)
    for seed in range(50):
        score, related, groups = dependent(seed)
        apart = np.random.default_rng(seed).poisson(1.0, (score.size, 81)).astype(float)
        apart[:, 0] = 1.0
        for name, weights in (("families", resampling.pair_weights(groups, replicates=80)), ("pairs", apart)):
            background = weighted.Unrelated(score[~related], weights[~related])
            limits = resampling.interval(weighted.auc(score[related], weights[related], background), families=24)
            covered[name] += bool(limits and limits[0] <= truth <= limits[1])
    assert covered["families"] >= 43, covered
    assert covered["pairs"] <= 35, covered


def labelled(seed: int = 0, shift: float = 0.0, corpus: str = "c") -> PairTable:
    """Pairs of twelve families with scores and LRs; `shift` is what the reported log10 LRs are too high by."""
    score, related, groups = dependent(seed, families=12)
    relation = np.where(related, "parent_child", "unrelated").astype(object)
    llr = (score - 1.5) * 0.6 + shift
    columns = dict.fromkeys(("agreement", "score_agreement", "score_contrast"), score)
    columns |= {f"llr_{p}{end}": llr for p in ("weights", "base", "distilled", "lineage") for end in ("", "_raw")}
    return PairTable(corpus, relation, tuple(groups), columns)


def fitted(least_prompts: int = 1, bounds: tuple[float, float] = (-1.0, 3.0)) -> calibration.Calibration:
    row = {
        "features": ["agreement"], "intercept": 9.0, "coefficients": [0.0], "ranges": [[-9.0, 9.0]], "missing": [None],
        "bounds": list(bounds), "positives": 9, "negatives": 9, "families": 9,
    }  # fmt: skip
    conditions = {"least_prompts": least_prompts, "least_models": 8}
    plain = {"name": "bad", "version": "1", "origin": "made up", "conditions": conditions}
    return calibration.parse(plain | {"propositions": {"weights": row}}, where="bad.json")


def test_every_figure_bears_its_value_inside_its_interval_and_renamed_families_change_little() -> None:
    told = validation(labelled(), fitted(), "")
    (row,) = told["relations"]
    assert (row["n"], row["families"]) == (72, 12)
    figures = [*row["columns"].values(), told["propositions"][0]["raw"]]
    for figure in figures:
        for name, limits in figure["intervals"].items():
            assert limits[0] <= figure[name] <= limits[1], name
    json.dumps(told, allow_nan=False)


def test_turing_is_judged_on_what_is_reported() -> None:
    assert turing_failures(validation(labelled(), fitted(), "")) == []
    assert turing_failures(validation(labelled(shift=2.5), fitted(), "")) == ["weights"]


def test_what_never_happened_may_still_happen() -> None:
    assert resampling.with_rare_events((0.0, 0.0), 0.0, 1000) == pytest.approx((0.0, 1 - 0.025 ** (1 / 1000)))
    assert resampling.with_rare_events((0.001, 0.4), 0.1, 1000) == pytest.approx((0.001, 0.4))


def test_two_families_are_too_few_for_an_interval() -> None:
    score, related, groups = dependent(1, families=2)
    table = PairTable(
        "c", np.where(related, "parent_child", "unrelated").astype(object), tuple(groups), {"score_a": score}
    )
    (row,) = relation_rows(Judge(table))
    assert row["columns"]["score_a"]["auc"] is not None
    assert row["columns"]["score_a"]["intervals"]["auc"] is None


def test_a_corpus_left_out_is_judged_by_a_fit_that_never_saw_it() -> None:
    tables = [labelled(seed, corpus=f"c{seed}") for seed in range(3)]
    tables[2].columns["agreement"][:] *= -1
    rows = {row["corpus"]: row for row in leave_corpus_out(tables, {"weights": ("agreement",)})}
    assert rows["c2"]["raw"]["auc"] < 0.3  # its scores speak the wrong way round, and no fit has learnt that from it
    assert rows["c2"]["fitted_on"]["positives"] == 2 * rows["c2"]["n"]
    assert rows["c2"]["families_unseen"] is None  # every family's name is in the other corpora too


def made_votes(informative: bool) -> list[Vote]:
    """Twenty developers' students of one of four teachers, the first of them far the most popular."""
    rng = np.random.default_rng(5)
    names = ("a", "b", "c", "d", "e")
    found = []
    for i in range(20):
        truth = 0 if i % 2 else int(rng.integers(1, 4))
        features = rng.normal(size=(5, 3))
        features[truth, 1] += 3.0 * informative
        found.append(Vote(f"dev{i}", names[truth], names, features, 1.0))
    return found


def test_text_names_the_teacher_and_a_constant_answer_gets_nothing_among_minor_teachers() -> None:
    rows = {row["by"]: row for row in teacher_rows(made_votes(informative=True))}
    assert rows["chance"]["all"]["first"] == pytest.approx(0.2)
    assert rows["popularity prior, no text"]["all"]["first"] >= 0.5
    assert rows["popularity prior, no text"]["minor"]["first"] == 0.0
    assert rows["text"]["minor"]["first"] >= 0.6
    blind = {row["by"]: row for row in teacher_rows(made_votes(informative=False))}
    assert blind["text"]["all"]["first"] <= 0.45


def test_draws_of_one_size_share_no_prompt_and_ids_change_nothing() -> None:
    asked = worlds.prompts(210)
    ordered = by_coverage([frozenset(asked)] * 3, asked)
    found = draws(ordered)
    for size, count in DRAWS.items():
        own = [ids for n, ids in found if n == size]
        assert (len(own), len(frozenset().union(*own))) == (count, size * count)
    renamed = {f"x{i}": p for i, p in asked.items()}
    assert [i[1:] for i in by_coverage([frozenset(renamed)] * 3, renamed)] == list(ordered)


def test_the_naive_peer_finds_kin_and_does_not_hang_on_order() -> None:
    sets = worlds.population(12, 20, kin={3: 1})
    wanted = sorted(worlds.prompts(20))
    texts = [compression.replies(s, wanted) for s in sets]
    told = compression.zlib_similarity(texts)
    assert np.nanargmax(told[3]) == 1
    back = compression.zlib_similarity(texts[::-1])
    assert np.array_equal(back[::-1, ::-1], told, equal_nan=True)


HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A labelled recording of 24 models in twelve families."""
    folder = tmp_path_factory.mktemp("recordings") / f"c{HOSTILE.replace('/', '')}"
    yield worlds.write_labelled(folder)


def test_validate_writes_the_same_bytes_twice_and_escapes_every_name(corpus: Path, tmp_path: Path) -> None:
    names = ("validation.json", "validation.html", "validation.txt", "pairs.csv")
    chosen = tmp_path / "c.json"
    chosen.write_text(json.dumps(worlds.covering()), encoding="utf-8")
    for out in ("one", "two"):
        assert main(["validate", str(corpus), "--out", str(tmp_path / out), "--calibration", str(chosen)]) == 0
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    page = (tmp_path / "one" / "validation.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert not re.search(r'<(?:script|link|img)[^>]*(?:src|href)="?(?:https?:)?//', page)
    assert "Plotly.react" in page
    told = json.loads((tmp_path / "one" / "validation.json").read_text(encoding="utf-8"))
    assert {row["prompts"] for row in told["curve"]} == {10, 24}


def test_experience_is_the_same_twice_names_its_recordings_by_hash_and_needs_two(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, chosen = tmp_path / "other", tmp_path / "c.json"
    shutil.copytree(corpus, other)
    (other / "pairs.csv").write_text((corpus / "pairs.csv").read_text().replace(corpus.name, "other"))
    chosen.write_text(json.dumps(worlds.covering()), encoding="utf-8")
    command = ["experience", str(chosen), str(corpus), str(other), "--independent", "--out"]
    for out in ("one.json", "two.json"):
        assert main([*command, str(tmp_path / out)]) == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    told = json.loads((tmp_path / "one.json").read_text())
    (row,) = told["propositions"]
    assert (row["n"], row["families"]) == (24, 24) and row["left_out"]["cllr"] < 0.5
    assert set(told["sha256"]) == {corpus.name, "other"} and len(set(told["sha256"].values())) == 2
    assert set(told["alone"]["weights"]) == {"agreement"} <= set(told["distributions"])
    assert main(["experience", str(chosen), str(corpus), "--out", str(tmp_path / "three.json")]) == 2
    assert "at least two recordings" in capsys.readouterr().err


def test_validate_ends_with_its_own_status_where_reported_lrs_mislead(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = worlds.covering()
    plain["propositions"]["weights"] |= {"intercept": 9.0, "coefficients": [0.0], "bounds": [-1.0, 2.5]}
    chosen = tmp_path / "bad.json"
    chosen.write_text(json.dumps(plain), encoding="utf-8")
    assert main(["validate", str(corpus), "--no-curve", "--calibration", str(chosen)]) == 6
    told = capsys.readouterr()
    assert "FAILS" in told.out
    assert "mislead more often than Turing's rule allows: weights" in told.err


def test_the_record_of_the_validation_is_whole() -> None:
    told = json.loads(RECORD.read_text(encoding="utf-8"), parse_constant=lambda word: pytest.fail(word))
    assert re.fullmatch(r"[0-9a-f]{64}", told["code"])
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in told["corpora"].values())
    studies = {row["study"] for row in told["figures"]}
    assert {"relations", "likelihood ratios", "leave-corpus-out", "prompts", "teachers"} <= studies
    for row in told["figures"]:
        assert np.isfinite(row["value"]), row
        assert row["n"] >= 1, row
        assert row["command"].startswith("python -m forensics"), row
        if row["interval"] is None:
            assert row["no_interval"], row
        else:
            low, high = row["interval"]
            assert low <= high, row
