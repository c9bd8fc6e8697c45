"""Final answers and agreement on wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.channels.errors import PLUGIN as ERRORS
from forensics.features.answers import canonical, final_answer
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from forensics.stats.wrong_answers import Question, capa, residual_agreement

LETTERS = "ABCDE"


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ('```json\n{"reasoning": "First 12, then 7.", "answer": "19"}\n```', "19"),
        ('{"answer": 1,250}', "1250"),
        ('{"answer": "\\\\frac{6}{8}"}', "3/4"),
        ('{"answer": "\\frac{3}{4}"}', "3/4"),
        ('{"answer": [ "pear", "fig" ]}', "['pear','fig']"),
        ('{"answer": "["pear", "fig"]"}', "['pear','fig']"),
        ('{"answer": "___"}', ""),
        ('{"reasoning": "There are 12 eggs and', ""),
        ("So the sum is $\\boxed{\\dfrac{1}{2}}$, as it should be.", "1/2"),
        ("The answer is **(c) Lisbon**.", "C"),
        ("Final answer: 0.50 metres", "1/2"),
        ("We add them up.\n#### 1,200", "1200"),
        ("Die Antwort lautet 7,000.", "7000"),
        ("所以答案是 12。", "12"),
        ("Three boxes hold 4 pears each, so there are 12 pears in all.", "12"),
        ("Both are taller than the third.\nB)", "B"),
        ("d", "D"),
        ("I would rather talk of something else today.", ""),
        ("<think>The answer is 3.</think>The answer is 4.", "4"),
        ("", ""),
    ],
)
def test_the_final_answer_is_found_in_one_spelling(completion: str, answer: str) -> None:
    assert final_answer(completion) == answer


def test_spellings_of_one_answer_are_one_and_others_stay_apart() -> None:
    assert canonical("50%") == canonical("$50.00") == canonical("50 kilograms") == "50"
    assert canonical("'tea'") == canonical('"tea"') == "tea"
    assert canonical("'Tea'") != canonical("'tea'")
    assert canonical("''") != canonical("")
    assert canonical("1/0") != canonical("0")
    assert len(canonical("9" * 4000)) <= 64


def test_the_last_number_of_a_truncated_completion_is_no_answer() -> None:
    told = "He buys 3 crates of 12, and each crate costs 40"
    assert final_answer(told) == "40"
    assert final_answer(told, cut=True) == ""


def quiz(questions: int, *, answer: bool = True) -> dict[str, Prompt]:
    """That many multiple-choice questions; the right answer is A."""
    return {
        f"q{i:03d}": Prompt.chat(f"q{i:03d}", f"Question {i}: A to E?", answer="A" if answer else None)
        for i in range(questions)
    }


def answered(picks: np.ndarray) -> list[ResponseSet]:
    """Response sets m00, ... from (models, questions) choices 0 to 4, -1 for none."""
    return [
        ResponseSet.of(
            f"m{i:02d}",
            [Completion(f"q{q:03d}", f"The answer is {LETTERS[pick]}.") for q, pick in enumerate(row) if pick >= 0],
        )
        for i, row in enumerate(picks)
    ]


def scores(sets: list[ResponseSet], asked: dict[str, Prompt]) -> dict[str, np.ndarray]:
    return dict(ERRORS.compare([ERRORS.fingerprint(s) for s in sets], asked).scores)


def population(seed: int = 0, models: int = 14, questions: int = 120) -> np.ndarray:
    """Independent models of different accuracy on questions of different difficulty, wrong answers unevenly popular."""
    rng = np.random.default_rng(seed)
    hard, able = rng.random(questions), rng.random(models) * 0.6
    wrong = rng.random((models, questions)) < np.clip(hard[None] * 1.2 - able[:, None], 0.05, 0.95)
    lure = np.array([rng.choice([1, 2, 3, 4], size=models, p=rng.dirichlet(np.ones(4))) for _ in range(questions)]).T
    return np.where(wrong, lure, 0)


def test_capa_equals_lm_sim() -> None:
    metrics = pytest.importorskip("lmsim.metrics", reason="needs the development dependency lm-sim")
    rng = np.random.default_rng(3)
    shares = rng.dirichlet(np.ones(4), size=(3, 40))
    one_hot = np.eye(4)[rng.integers(0, 4, size=(3, 40))]
    truth = rng.integers(0, 4, size=40)
    for told in (shares, one_hot):
        questions = [
            Question(np.arange(3), told[:, q, truth[q]], np.delete(told[:, q], truth[q], axis=1), 4) for q in range(40)
        ]
        kappa, n = capa(questions, 3)
        assert (n == 40).all()
        for i, j in ((0, 1), (0, 2), (1, 2)):
            oracle = metrics.CAPA(prob=True).compute_k(list(told[i]), list(told[j]), truth.tolist())
            assert kappa[i, j] == pytest.approx(oracle, abs=1e-12)


def test_the_same_wrong_answers_tell_kin_and_difficulty_alone_does_not() -> None:
    picks = population()
    noise = np.random.default_rng(1).random(picks.shape[1]) < 0.2
    picks[1] = np.where(noise, picks[1], picks[0])
    told = scores(answered(picks), quiz(120))
    strangers = told["errors"][2:, 2:][np.triu_indices(12, 1)]
    assert told["errors"][0, 1] > 0.5
    assert told["errors"][0, 1] > strangers.max() + 0.2
    assert abs(strangers.mean()) < 0.1
    # Hard questions make strangers agree by kappa's plain accuracy; the residual takes them off.
    assert np.nanmean(told["errors_capa"][2:, 2:]) > abs(strangers.mean())


def test_the_same_wrong_answer_counts_more_than_being_wrong_together() -> None:
    picks = population(2)
    same, together = picks.copy(), picks.copy()
    same[1] = picks[0]
    together[1] = np.where(picks[0] > 0, picks[0] % 4 + 1, 0)
    by_answer, by_error = (scores(answered(p), quiz(120))["errors"][0, 1] for p in (same, together))
    assert by_answer > 0.95
    assert by_answer > by_error + 0.3


def test_too_few_questions_too_few_errors_or_no_known_answer_is_not_estimable() -> None:
    picks = population(4)
    assert all(np.isnan(m).all() for m in scores(answered(picks), quiz(120, answer=False)).values())
    assert all(np.isnan(m).all() for m in scores(answered(picks[:, :19]), quiz(19)).values())
    picks[3] = 0
    assert np.isnan(scores(answered(picks), quiz(120))["errors"][3]).all()


def test_partial_coverage_empty_replies_and_many_samples_are_handled() -> None:
    picks = population(5)
    picks[1] = picks[0]
    picks[1, 60:] = -1
    sets = answered(picks)
    extra = [Completion(c.prompt_id, c.text, s) for c in sets[0].completions for s in range(4)]
    empty = [Completion(f"q{q:03d}", "", outcome=Outcome.EMPTY) for q in range(60, 120)]
    sets[0] = ResponseSet.of("m00", extra)
    sets[1] = ResponseSet.of("m01", [*sets[1].completions, *empty])
    result = ERRORS.compare([ERRORS.fingerprint(s) for s in sets], quiz(120))
    assert result.n[0, 1] == 60
    assert result.scores["errors"][0, 1] > 0.9
    assert result.n[0, 2] == 120


def test_a_question_that_few_models_answered_tells_nothing() -> None:
    lone = [Question(np.arange(7), np.zeros(7), np.eye(7), 8)] * 30
    assert np.isnan(residual_agreement(lone, 7)).all()
