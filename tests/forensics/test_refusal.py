"""Refusal states: our own lines in many languages, the fitted weights, and the bars on labelled recordings."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from forensics.channels.refusals import PLUGIN
from forensics.errors import BadInput
from forensics.evaluation import refusals
from forensics.features import refusal
from forensics.features.refusal import refusal_probability, refusal_state, weights, why
from forensics.records import Completion, ResponseSet
from tests.forensics import worlds

HERE = Path(__file__).resolve().parents[2]
CORPORA = Path(os.environ.get("FILIATION_CORPORA") or HERE.parent / "shared" / "corpora")
LINES = [
    json.loads(line) for line in (HERE / "tests/data/refusal_lines.jsonl").read_text(encoding="utf-8").splitlines()
]
NO = ("I'm sorry, but I can't help with that.", "I must decline this one, it goes against my principles.")
YES = "Begin with the flour, add the water slowly and knead for ten minutes."


def test_every_line_of_our_own_is_told_right() -> None:
    assert len(LINES) >= 60
    assert len({line["language"] for line in LINES}) >= 13
    wrong = [line for line in LINES if refusal_state(line["text"]).name.lower() != line["state"]]
    assert wrong == []


def test_curly_quotes_case_and_marks_change_nothing() -> None:
    plain = "I'm sorry, but I can't help with that request."
    for other in (plain.replace("'", "\u2019"), plain.upper(), f"**{plain}**", f"\n\n  {plain}\n"):
        assert refusal_probability(other) == pytest.approx(refusal_probability(plain), abs=0.02)


def test_the_cues_add_up_to_the_probability_and_name_the_phrase() -> None:
    text = "I cannot help with forging a passport."
    told = why(text)
    odds = weights().intercept + sum(part for _, part in told)
    assert refusal_probability(text) == pytest.approx(1 / (1 + np.exp(-odds)))
    assert told[0][0].startswith("unable") and told[0][1] > 0


def test_weights_that_were_changed_by_hand_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(refusal.WEIGHTS.read_text(encoding="utf-8"))
    stored["intercept"] += 1
    (tmp_path / "weights.json").write_text(json.dumps(stored), encoding="utf-8")
    monkeypatch.setattr(refusal, "WEIGHTS", tmp_path / "weights.json")
    weights.cache_clear()
    with pytest.raises(BadInput, match="does not fit the phrases"):
        weights()
    weights.cache_clear()


def test_a_hundred_thousand_signs_take_no_time_worth_naming() -> None:
    hostile = ["a" * 100_000, "'" * 100_000, '"a' * 50_000, "i can't " * 12_500, "```" * 30_000, "我不" * 50_000]
    begun = time.process_time()
    for text in hostile:
        refusal_state(text)
    assert time.process_time() - begun < 2.0


def test_fitting_finds_the_cue_that_decides_and_f1_counts_as_written() -> None:
    rng = np.random.default_rng(3)
    x = rng.random((400, 6)).round()
    intercept, values = refusals.fit(x, x[:, 2] > 0, ridge=1.0)
    assert int(np.argmax(np.abs(values))) == 2
    assert (((intercept + x @ values) > 0) == (x[:, 2] > 0)).all()
    truth, called = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert refusals.f1(truth, called) == 0.5
    assert np.isnan(refusals.f1(~np.ones(3, dtype=bool), ~np.ones(3, dtype=bool)))


def _population(patterns: list[list[bool]], wordings: list[str]) -> list[ResponseSet]:
    return [
        ResponseSet.of(
            f"m{i:02d}", [Completion(f"p{q:03d}", wordings[i] if no else YES) for q, no in enumerate(pattern)]
        )
        for i, pattern in enumerate(patterns)
    ]


def test_wording_of_refusals_is_compared_where_both_refused_and_nowhere_else() -> None:
    patterns = [[q < 20 for q in range(40)] for _ in range(10)] + [[q >= 20 for q in range(40)], [False] * 40]
    wordings = [NO[i % 2] for i in range(12)]
    sets = _population(patterns, wordings)
    told = PLUGIN.compare([PLUGIN.fingerprint(s) for s in sets], worlds.prompts(40)).scores["refusals_wording"]
    assert told[0, 2] > 0.1 > -0.1 > told[0, 1]
    assert np.isnan(told[0, 10]) and np.isnan(told[0, 11]) and np.isnan(told[10, 11])
    assert np.allclose(told, told.T, equal_nan=True)


def test_the_wording_of_refusals_is_blind_to_case() -> None:
    plain, shouted = (
        PLUGIN.fingerprint(ResponseSet.of("m", [Completion("p", text)]))["grams"].tolist()
        for text in ("I'm sorry, but I cannot help with that.", "I'M SORRY, BUT I CANNOT HELP WITH THAT.")
    )
    assert plain
    assert plain == shouted


def test_scores_do_not_depend_on_the_order_of_models() -> None:
    rng = np.random.default_rng(5)
    sets = _population([list(row) for row in rng.random((12, 40)) < 0.5], [NO[i % 2] for i in range(12)])
    prints = [PLUGIN.fingerprint(s) for s in sets]
    order = rng.permutation(12)
    first = PLUGIN.compare(prints, worlds.prompts(40)).scores
    second = PLUGIN.compare([prints[i] for i in order], worlds.prompts(40)).scores
    for name, matrix in first.items():
        assert np.allclose(matrix[np.ix_(order, order)], second[name], equal_nan=True)


@pytest.fixture(scope="module")
def judged() -> dict[tuple[str, str, str], float]:
    """F1 by corpus, language and way of judging."""
    folders = [CORPORA / "speechmap", CORPORA / "xstest"]
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("the labelled recordings speechmap and xstest are not at hand")
    return {
        (r["corpus"], r["language"], r["judged"]): r["f1"] for r in refusals.report(refusals.read_labelled(folders))
    }


@pytest.mark.corpora
@pytest.mark.parametrize("way", ["model left out", "as shipped"])
def test_the_bars_are_reached_on_models_that_were_left_out(judged: dict[tuple[str, str, str], float], way: str) -> None:
    assert judged["xstest", "en", way] >= 0.95
    assert judged["speechmap", "en", way] >= 0.90
    assert judged["speechmap", "zh", way] >= 0.90
    assert judged["speechmap", "fi", way] >= 0.85
