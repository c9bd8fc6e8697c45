"""What a report may not say is caught, with a reason and better words, and what it should say is let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from forensics.evaluation.propositions import alternatives, filled, hypotheses
from forensics.evaluation.verbal import sentence
from forensics.reports.sections import LIMITS, templates
from forensics.reports.wording import problems

DATA = Path(__file__).parents[1] / "data" / "wording"


def lines(name: str) -> list[str]:
    return (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def test_there_are_thirty_of_each() -> None:
    assert (len(set(lines("bad"))), len(set(lines("good")))) == (30, 30)


@pytest.mark.parametrize("said", lines("bad"))
def test_a_bad_sentence_is_caught_and_told_why_and_what_to_say_instead(said: str) -> None:
    (problem,) = problems(f"The plan was frozen. {said} The log says when.")
    assert problem.sentence == said
    assert problem.words.lower() in said.lower()
    assert problem.why.endswith(".")
    assert problems(problem.instead) == []


@pytest.mark.parametrize("said", lines("good"))
def test_a_good_sentence_is_let_through(said: str) -> None:
    assert problems(said) == []


def test_every_sentence_that_the_engine_itself_says_of_a_ratio_is_let_through() -> None:
    said = [*LIMITS, *(template.duty for template in templates().values())]
    for hp in hypotheses().values():
        for hd in alternatives().values():
            both = [filled(text, "one", "another") for text in (hp.statement, hd.statement)]
            said += [sentence(value, *both, why=f"what addresses it: {hd.test}") for value in (1.2, -0.7, None)]
    assert [str(problem) for text in said for problem in problems(text)] == []


@pytest.mark.parametrize(
    "said", ["It con\u00adfirms the claim.", "It con\u200bfirms it.", "It ｐｒｏｖｅｓ it.", "IT PROVES IT."]
)
def test_invisible_and_odd_letters_do_not_hide_a_word(said: str) -> None:
    assert len(problems(said)) == 1
