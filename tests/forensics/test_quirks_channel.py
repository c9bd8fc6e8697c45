"""Formatting habits of made-up models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forensics.channels.quirks import PLUGIN as QUIRKS
from forensics.channels.quirks import reliability
from forensics.features.quirks import NAMES, quirk_vector
from forensics.records import Completion, Outcome, ResponseSet
from tests.forensics import worlds

Dress = Callable[[str, int], str]


def told(completion: str) -> dict[str, float]:
    return {name: float(v) for name, v in zip(NAMES, quirk_vector(completion), strict=True) if v}


@pytest.mark.parametrize(
    ("completion", "quirks"),
    [
        ("Certainly! The boat is red.", {"opens: certainly", "exclamation", "ends: ."}),
        ("## The Old Red Boat\n\n- oars\n- sails", {"line: heading 2", "title case headings", "line: hyphen"}),
        ("## The old red boat house\nIt floats.", {"line: heading 2", "sentence case headings"}),
        ("1. **Oars**: wood\n2. **Sails**: linen\n3. **Rope**: hemp", {"line: number with bold", "3 items", "bold"}),
        ("It\u2019s late \u2014 and cold", {"curly apostrophe", "em-dash", "spaced em-dash", "ends: letter"}),
        ("Oars, sails, and ropes.", {"serial comma"}),
        ("Oars, sails and ropes.", {"no serial comma"}),
        ("My favourite colour is grey.", {"British spelling"}),
        ("My favorite color is gray.", {"American spelling"}),
        ("Her name was Elara, and she was 42.", {"says: elara", "says: 42", "numerals"}),
        ("```python\nprint()\n```\n", {"code fence", "fence with a language", "ends: `", "trailing newline"}),
        ("The area is \\(a^2\\) or $a^2$.", {"TeX inline", "dollar"}),
        ("Well done \U0001f389", {"emoji", "ends: emoji"}),
        ("The boat is 好的 and red.", {"script: CJK"}),
        ("It floats. I hope this helps! Feel free to ask.", {"closes: this helps", "closes: feel free"}),
        ("and so on and so on. " * 30, {"loop at the end", "leading lower case"}),
        ("broken \ufffd sign ", {"replacement", "trailing space"}),
    ],
)
def test_habits_are_seen(completion: str, quirks: set[str]) -> None:
    assert quirks <= told(completion).keys()


def test_an_empty_completion_has_no_habits_and_a_number_at_all_lengths_is_finite() -> None:
    assert not told("") and not told(" \n ") and not told("<think>only this</think>")
    assert len(set(NAMES)) == len(NAMES)
    for completion in (".", "\n.", "\u200b", "5", "a" * 9000, "#" * 9000, "\U0001f389" * 50):
        assert np.isfinite(quirk_vector(completion)).all()


def fancy(text: str, question: int) -> str:
    return f"Certainly! \u2014 **{text[:40]}**\n\n- {text[40:]} \U0001f600"


def plain(text: str, question: int) -> str:
    return text.lower().rstrip(".") + "  " + ("Hope this helps!" if question % 3 else "")


def dressed(sets: list[ResponseSet], who: dict[int, Dress]) -> list[ResponseSet]:
    return [
        ResponseSet.of(s.model, [replace(c, text=who[i](c.text, q)) for q, c in enumerate(s.completions)])
        if i in who
        else s
        for i, s in enumerate(sets)
    ]


def scores(sets: list[ResponseSet], questions: int = 30) -> np.ndarray:
    result = QUIRKS.compare([QUIRKS.fingerprint(s) for s in sets], worlds.prompts(questions))
    return np.asarray(result.scores["quirks"])


def test_models_of_one_habit_are_alike_whatever_they_say() -> None:
    told = scores(dressed(worlds.population(12, 30), {1: fancy, 2: fancy, 5: plain, 6: plain}))
    for a, b in ((1, 2), (5, 6)):
        assert told[a, b] > 0.7
        assert told[a, b] == np.nanmax(told[a])
    assert told[1, 5] < 0.2


def test_gaps_samples_cuts_and_empty_replies_do_not_hide_a_habit() -> None:
    sets = dressed(worlds.population(12, 30), {1: fancy, 2: fancy})
    sets[1] = ResponseSet.of("m01", sets[1].completions[:14])
    sets[2] = ResponseSet.of(
        "m02",
        [
            *sets[2].completions,
            *(replace(c, sample=1, text=c.text[:90], outcome=Outcome.TRUNCATED) for c in sets[2].completions),
            *(Completion(c.prompt_id, "", 2, Outcome.EMPTY) for c in sets[2].completions),
        ],
    )
    told = scores(sets)
    assert told[1, 2] == np.nanmax(told[1])
    assert told[1, 2] > 0.6
    sets[1] = ResponseSet.of("m01", sets[1].completions[:9])
    assert np.isnan(scores(sets)[1]).all()


def test_seven_models_or_nine_prompts_are_not_estimable() -> None:
    assert np.isnan(scores(worlds.population(7, 30))).all()
    assert np.isnan(scores(worlds.population(12, 9), 9)).all()


def test_a_constant_model_is_finite_beside_others_and_habits_that_are_noise_do_not_count() -> None:
    sets = worlds.population(10, 30)
    sets[3] = ResponseSet.of("m03", [replace(c, text="No.") for c in sets[3].completions])
    told = scores(sets)
    assert np.isfinite(told[3, :3]).all()
    rng = np.random.default_rng(0)
    mean = np.stack([rng.normal(0, 1, 400), rng.normal(0, 0.1, 400), np.zeros(400)], axis=1)
    weight = reliability(mean, np.full((400, 3), 0.01))
    assert weight[0] > 0.97
    assert weight[1] < 0.2
    assert weight[2] == 0
