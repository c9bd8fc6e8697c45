"""Passages and whole replies that two models share word for word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forensics.channels.copying import LEAST_REPLY
from forensics.channels.copying import PLUGIN as COPYING
from forensics.features.passages import shared_passages
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from tests.forensics import worlds

PASSAGE = "the miller counted eleven grey sacks beside the frozen wheel and then went home without a single word"


def scores(sets: list[ResponseSet], asked: dict[str, Prompt]) -> dict[str, np.ndarray]:
    return dict(COPYING.compare([COPYING.fingerprint(s) for s in sets], asked).scores)


def with_passage(responses: ResponseSet, on: range, passage: str = PASSAGE) -> ResponseSet:
    """Each of those replies with a passage of its own prompt put into its middle."""
    told = [
        replace(c, text=f"{c.text[:60]} {passage} {c.text[60:]}") if i in on else c
        for i, c in enumerate(responses.completions)
    ]
    return ResponseSet.of(responses.model, told)


def different(on: range) -> list[str]:
    """A passage of eighteen words for each prompt, none like another."""
    rng = np.random.default_rng(8)
    return [" ".join(worlds.WORDS[w] for w in rng.integers(0, len(worlds.WORDS), 18)) for _ in on]


def planted(sets: list[ResponseSet], who: list[int], on: range) -> list[ResponseSet]:
    passages = different(on)
    out = list(sets)
    for model in who:
        for i in on:
            out[model] = with_passage(out[model], range(i, i + 1), passages[i - on.start])
    return out


@pytest.fixture(scope="module")
def sets() -> list[ResponseSet]:
    return worlds.population(30, 40)


def test_passages_shared_by_two_are_found_and_those_that_many_recite_are_not(sets: list[ResponseSet]) -> None:
    told = scores(planted(planted(sets, [1, 2], range(12)), list(range(10, 30)), range(20, 32)), worlds.prompts(40))
    copying = told["copying"]
    assert copying[1, 2] == pytest.approx(np.nanmax(copying))
    rest = copying[np.triu_indices(30, 1)]
    assert copying[1, 2] > np.sort(rest)[-2] + 2
    assert abs(np.nanmean(copying[10:, 10:]) - np.nanmean(copying[3:10, 3:10])) < 0.5


def test_what_stands_in_the_prompt_or_recurs_on_many_prompts_is_no_copy(sets: list[ResponseSet]) -> None:
    passages = different(range(12))
    asked = {
        k: Prompt.chat(k, f"{p.text} {passages[i]}" if i < 12 else p.text)
        for i, (k, p) in enumerate(worlds.prompts(40).items())
    }
    quoting = scores(planted(sets, [1, 2], range(12)), asked)["copying"]
    stock = scores([with_passage(s, range(12)) if i in (1, 2) else s for i, s in enumerate(sets)], worlds.prompts(40))
    plain = scores(sets, worlds.prompts(40))["copying"]
    for told in (quoting, stock["copying"]):
        assert told[1, 2] < np.nanmax(plain) + 0.7


def test_identical_replies_are_a_share_of_the_common_prompts(sets: list[ResponseSet]) -> None:
    half = ResponseSet.of("m01", [*sets[2].completions[:20], *sets[1].completions[20:]])
    told = scores([sets[0], half, *sets[2:]], worlds.prompts(40))["copying_identical"]
    assert told[1, 2] == pytest.approx(0.5)
    assert told[1, 3] == 0
    # Partial coverage: of the thirty prompts in common, ten.
    fewer = ResponseSet.of("m01", half.completions[10:])
    assert scores([sets[0], fewer, *sets[2:]], worlds.prompts(40))["copying_identical"][1, 2] == pytest.approx(1 / 3)


def test_short_and_stock_replies_are_not_identical_copies(sets: list[ResponseSet]) -> None:
    def saying(model: int, reply: str) -> ResponseSet:
        return ResponseSet.of(sets[model].model, [Completion(f"p{q:03d}", reply) for q in range(40)])

    short = "No, thank you: not today, and not tomorrow."
    stock = "I would rather not say anything about that today, " * 3 + "thank you."
    assert len(short.split()) < LEAST_REPLY
    for reply in (short, stock):
        told = scores([saying(0, reply), saying(1, reply), *sets[2:]], worlds.prompts(40))
        assert told["copying_identical"][0, 1] == 0


def test_one_sample_against_many_and_replies_without_text_are_handled(sets: list[ResponseSet]) -> None:
    many = [replace(c, sample=1) for c in sets[1].completions] + [replace(c, sample=0) for c in sets[2].completions]
    empty = [Completion(f"p{q:03d}", "", outcome=Outcome.EMPTY) for q in range(20)]
    cut = [replace(c, text=c.text[:150], outcome=Outcome.TRUNCATED) for c in sets[2].completions]
    told = scores(
        [
            ResponseSet.of("m00", [*empty, *sets[0].completions[20:]]),
            ResponseSet.of("m01", many),
            sets[2],
            ResponseSet.of("m03", cut),
            *sets[4:],
        ],
        worlds.prompts(40),
    )
    assert told["copying_identical"][1, 2] == pytest.approx(0.75)  # one of two samples, and the one of one
    assert told["copying"][1, 2] > np.nanmax(told["copying"][4:, 4:]) + 2
    assert told["copying"][3, 2] > np.nanmax(told["copying"][4:, 4:]) + 2
    assert np.isfinite(told["copying"][0, 1])


def test_the_shared_passages_are_listed_with_their_prompts_and_with_who_else_says_them(
    sets: list[ResponseSet],
) -> None:
    one = [with_passage(s, range(3, 4)) if i in (1, 2) else s for i, s in enumerate(sets)]
    one = [with_passage(s, range(5, 6), PASSAGE.upper()) if i in (1, 2, 7, 9) else s for i, s in enumerate(one)]
    listed = shared_passages((one[1], one[2]), (s for s in one[:1] + one[3:]), worlds.prompts(40), top=2)
    assert [(p.prompt_id, p.models, p.among) for p in listed] == [("p003", 2, 30), ("p005", 4, 30)]
    assert PASSAGE in listed[0].text
    assert PASSAGE.upper() in listed[1].text
    assert listed[0].tokens >= len(PASSAGE.split())
    assert listed[0].weight > listed[1].weight
    # What the prompt itself says is nobody's passage, and set phrases of the two are left out.
    asked = worlds.prompts(40) | {"p003": Prompt.chat("p003", PASSAGE)}
    assert all(PASSAGE not in p.text for p in shared_passages((one[1], one[2]), [], asked))
    stock = [with_passage(s, range(20)) for s in sets[:2]]
    assert all(p.text.find(PASSAGE) < 0 for p in shared_passages((stock[0], stock[1]), [], worlds.prompts(40)))
