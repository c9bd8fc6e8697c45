"""Prompt-token counts of real tokenizers, through templates and system prompts that add a constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer

from forensics import channels
from forensics.channels.tokens import PLUGIN
from forensics.probes import load_suite
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from forensics.zoo.members import WEIGHTS

ASKED = {p.prompt.prompt_id: p.prompt for p in load_suite("standard").probes if p.prompt.family == "tokenizer-bands"}


def counted(name: str, count: Callable[[Prompt], int | None], asked: dict[str, Prompt] | None = None) -> ResponseSet:
    rows = [Completion(i, "noted", prompt_tokens=count(p)) for i, p in (asked or ASKED).items()]
    return ResponseSet.of(name, rows)


def by(kind: str, extra: int = 0) -> Callable[[Prompt], int]:
    """Counts of one of the zoo's tokenizers, with a template or system prompt of `extra` tokens."""
    tokenizer = Tokenizer.from_file(str(WEIGHTS / f"tokenizer-{kind}.json"))
    return lambda prompt: len(tokenizer.encode(prompt.text).ids) + extra


def score(*sets: ResponseSet, asked: dict[str, Prompt] | None = None) -> np.ndarray:
    return PLUGIN.compare([PLUGIN.fingerprint(s) for s in sets], asked or ASKED).scores["tokens"]


def test_one_tokenizer_behind_any_system_prompt_differs_by_a_constant_and_another_does_not() -> None:
    told = score(counted("a", by("common")), counted("b", by("common", 57)), counted("c", by("other", 3)))
    assert told[0, 1] == 1.0
    assert told[0, 2] == told[1, 2] < 0.8  # both spell most scripts byte by byte


def test_the_share_is_that_of_the_commonest_difference() -> None:
    odd, base = sorted(ASKED)[:12], by("common")
    moved = counted("b", lambda p: base(p) + (1 + odd.index(p.prompt_id) if p.prompt_id in odd else 0))
    told = score(counted("a", by("common")), moved)
    assert told[0, 1] == pytest.approx(1 - 12 / len(ASKED))


def test_too_few_texts_bands_or_languages_are_not_estimable() -> None:
    def estimable(keep: Callable[[Prompt], bool]) -> bool:
        asked = {i: p for i, p in ASKED.items() if keep(p)}
        one, two = counted("a", by("common"), asked), counted("b", by("common", 2), asked)
        return bool(np.isfinite(score(one, two, asked=asked)[0, 1]))

    few = set(sorted(ASKED)[:7])
    assert estimable(lambda p: True)
    assert not estimable(lambda p: p.prompt_id in few)
    assert not estimable(lambda p: not p.category.startswith("long"))
    assert not estimable(lambda p: p.language in ("en", "de", "ru"))


def test_texts_without_a_count_or_with_two_are_left_out() -> None:
    absent = sorted(ASKED)[:5]
    base = by("common")
    partly = counted("b", lambda p: None if p.prompt_id in absent else base(p))
    twice = ResponseSet.of("c", [*counted("c", base).completions, Completion(absent[0], "noted", 1, prompt_tokens=1)])
    result = PLUGIN.compare([PLUGIN.fingerprint(s) for s in (counted("a", base), partly, twice)], ASKED)
    assert result.n[0, 1] == len(ASKED) - 5
    assert result.n[0, 2] == len(ASKED) - 1
    assert result.scores["tokens"][0, 1] == result.scores["tokens"][0, 2] == 1.0
    failed = replace(partly, completions=tuple(replace(c, outcome=Outcome.EMPTY) for c in partly.completions))
    assert len(PLUGIN.fingerprint(failed)["count"]) == len(ASKED) - 5


def test_other_prompts_say_nothing_of_tokenizers_and_the_column_weighs_nothing() -> None:
    plain = {i: replace(p, family="open-chat") for i, p in ASKED.items()}
    assert np.isnan(score(counted("a", by("common")), counted("b", by("common")), asked=plain)).all()
    assert channels.weightless(["tokens", "tokens_shift", "agreement", "weights_cka"]) == [
        "tokens",
        "tokens_shift",
        "weights_cka",
    ]
