"""Traps seen in real recordings, each on made-up models whose kinship is known."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from forensics.__main__ import main
from forensics.corpora import open_corpus
from forensics.lineage.comparison import compare
from forensics.lineage.records import PROPOSITIONS, Comparison
from forensics.records import Completion, Outcome, Prompt, ResponseSet
from tests.forensics import worlds
from tests.forensics.worlds import rewritten, swapped

PROMPTS = 90
ASKED = worlds.prompts(PROMPTS)
KIN = {"derived", "distilled", "common-source"}
CORPORA = Path(os.environ.get("FILIATION_CORPORA") or Path(__file__).resolve().parents[2].parent / "shared" / "corpora")


@pytest.fixture(scope="module")
def sets() -> list[ResponseSet]:
    """26 models; m05 descends from m02."""
    return worlds.population(26, PROMPTS, kin={5: 2})


def judged(sets: Sequence[ResponseSet], *changed: ResponseSet) -> Comparison:
    """The comparison with some models put in place of those of their name, or added."""
    return compare(({s.model: s for s in sets} | {s.model: s for s in changed}).values(), ASKED, replicates=1)


@pytest.fixture(scope="module")
def base(sets: list[ResponseSet]) -> Comparison:
    return judged(sets)


def moved(before: Comparison, after: Comparison, proposition: str, without: str = "") -> NDArray[np.float64]:
    """How far the raw LLRs of the pairs in both, but those of one model, went from one comparison to the other."""
    names = [name for name in before.models if name in after.models and name != without]
    old, new = ([result.models.index(name) for name in names] for result in (before, after))
    change = after.llr_raw[proposition][np.ix_(new, new)] - before.llr_raw[proposition][np.ix_(old, old)]
    return np.abs(change[np.triu_indices_from(change, 1)])


def relation(result: Comparison, a: str, b: str) -> str:
    return str(result.relation[result.models.index(a), result.models.index(b)])


@pytest.mark.parametrize(
    "thought",
    [
        "<think>Let me see, step by step, what item {} wants.\n</think>\n\n",
        "<reasoning>\nItem {}: it wants a list.\n</reasoning>",
        "Opened in the prompt: item {}.</think>\n",
    ],
)
def test_inline_thinking_moves_no_llr(sets: list[ResponseSet], base: Comparison, thought: str) -> None:
    told = judged(sets, rewritten(sets[5], lambda k, text: thought.format(k) + text))
    for proposition in PROPOSITIONS:
        assert moved(base, told, proposition).max() <= 0.05


def test_variants_of_one_model_are_still_its_kin(sets: list[ResponseSet]) -> None:
    """Concise, verbose, in a persona, in part cut or empty, the best of several, and rewritten by another model."""
    more = swapped(1.0, 9)

    def best(k: int, text: str) -> str:
        return max((swapped(0.3, 1000 * k + n)(k, text) for n in range(4)), key=len)

    changes = {
        "concise": lambda _, text: " ".join(text.split()[:15]),
        "verbose": lambda k, text: f"{text} {more(k, text)} {more(k, text)}",
        "persona": lambda _, text: f"Ahoy, matey! Hear me well. {text} Arr, may the tide be kind to ye.",
        "best": best,
        "rewritten": swapped(0.6, 3),
    }
    variants = [rewritten(sets[10 + k], change, name) for k, (name, change) in enumerate(changes.items())]
    told = judged(sets, *variants)
    for k, variant in enumerate(variants):
        assert relation(told, variant.model, f"m{10 + k}") in KIN, variant.model
        # Length, persona and the rewriter's hand make nobody else's kin.
        row = told.relation[told.models.index(variant.model)]
        assert sum(word in KIN for word in row) == 1, variant.model


def test_a_persona_shared_by_strangers_is_no_sharing_of_weights(sets: list[ResponseSet]) -> None:
    """One greeting and one farewell on every reply: no evidence of weights or of a base, whatever style says."""
    opening = "Ahoy there, dear friend, I am Captain Brightwater of the harbour office."
    farewell = "May the tide carry you well, and do ask Captain Brightwater again."
    told = judged(sets, *(rewritten(sets[i], lambda _, text: f"{opening} {text} {farewell}") for i in (8, 9)))
    strangers = told.models.index(sets[8].model), told.models.index(sets[9].model)
    assert told.llr_raw["weights"][strangers] < 0.5
    assert told.llr_raw["base"][strangers] < 1
    assert relation(told, sets[8].model, sets[9].model) not in ("same", "derived", "common-source")


def test_a_heavy_rewriter_is_kin_or_not_determined_and_never_strongly_unrelated(sets: list[ResponseSet]) -> None:
    for share in (0.9, 0.97):
        told = judged(sets, rewritten(sets[2], swapped(share, 3), "x"))
        pair = told.models.index("x"), told.models.index("m02")
        assert told.relation[pair] != "unrelated"
        assert told.llr["lineage"][pair] > -1.0


def test_empty_and_truncated_completions_are_not_counted_and_hide_no_parent(sets: list[ResponseSet]) -> None:
    def cut(k: int, c: Completion) -> Completion:
        if k % 5 == 0:
            return replace(c, text="", outcome=Outcome.EMPTY)
        return replace(c, text=c.text[: len(c.text) // 3], outcome=Outcome.TRUNCATED) if k % 3 == 0 else c

    told = judged(sets, replace(sets[5], completions=tuple(cut(k, c) for k, c in enumerate(sets[5].completions))))
    assert told.prompts[5, 2] == PROMPTS - PROMPTS // 5
    assert relation(told, "m05", "m02") == "derived"
    assert set(told.relation[5, [i for i in range(26) if i not in (2, 5)]]) <= {"not-determined", "unrelated"}


def test_two_models_that_are_often_silent_on_the_same_prompts_are_not_kin(sets: list[ResponseSet]) -> None:
    def silent(responses: ResponseSet) -> ResponseSet:
        return rewritten(responses, lambda k, text: "" if k % 3 == 0 else text)

    told = judged(sets, silent(sets[8]), silent(sets[17]))
    assert relation(told, "m08", "m17") not in KIN


def test_a_model_that_lacks_two_prompts_in_five_keeps_its_relations(sets: list[ResponseSet], base: Comparison) -> None:
    kept = set(np.random.default_rng(1).permutation(PROMPTS)[: PROMPTS * 6 // 10].tolist())
    part = replace(sets[5], completions=tuple(c for k, c in enumerate(sets[5].completions) if k in kept))
    told = judged(sets, part)
    assert told.prompts[5, 2] == PROMPTS * 6 // 10
    assert relation(told, "m05", "m02") == "derived"
    assert np.median(moved(base, told, "weights")) <= 0.1
    assert np.quantile(moved(base, told, "weights", without="m05"), 0.95) <= 0.3


def test_a_copy_of_a_model_is_its_kin_and_hardly_moves_the_others(sets: list[ResponseSet], base: Comparison) -> None:
    told = judged(sets, replace(sets[8], model="x"))
    assert relation(told, "x", "m08") in {"same", "derived"}
    for proposition in PROPOSITIONS:
        assert np.quantile(moved(base, told, proposition), 0.95) <= 0.15
        assert moved(base, told, proposition).max() <= 0.4
    for score in ("agreement_cosine", "style", "style_openings", "style_closings"):
        before, after = base.scores[score], told.scores[score][:26, :26]
        # Only where a row's highest tenth begins may hang on the halves.
        assert np.nanmedian(np.abs(before - after)) <= 1e-9, score
        assert np.allclose(before, after, rtol=0.05, atol=0.1, equal_nan=True), score
    x, old = told.models.index("x"), told.models.index("m08")
    others = [i for i in range(len(told.models)) if i not in (x, old)]
    assert np.allclose(told.llr_raw["weights"][x, others], told.llr_raw["weights"][old, others], atol=1e-6)


def test_models_of_very_different_lengths_are_not_kin_for_that(sets: list[ResponseSet]) -> None:
    def long(k: int) -> ResponseSet:
        return rewritten(sets[k], lambda _, text: f"{text} {swapped(1.0, k)(0, text * 6)}")

    def short(k: int) -> ResponseSet:
        return rewritten(sets[k], lambda _, text: " ".join(text.split()[:15]))

    told = judged(sets, long(12), long(13), short(20), short(21))
    for a, b in (("m12", "m13"), ("m20", "m21"), ("m12", "m20")):
        assert relation(told, a, b) not in KIN, (a, b)


def test_one_sample_against_many_gives_the_same_relations(sets: list[ResponseSet], base: Comparison) -> None:
    def many(k: int) -> ResponseSet:
        return replace(
            sets[k],
            completions=tuple(
                replace(c, sample=n, text=swapped(0.3, 100_000 * k + 50 * q + n)(q, c.text) if n else c.text)
                for q, c in enumerate(sets[k].completions)
                for n in range(4)
            ),
        )

    for changed in ((many(5),), (many(5), many(8))):
        told = judged(sets, *changed)
        assert relation(told, "m05", "m02") == relation(base, "m05", "m02") == "derived"
        assert relation(told, "m05", "m08") not in KIN


def test_a_model_that_mostly_repeats_itself_gets_no_llr(sets: list[ResponseSet]) -> None:
    told = judged(sets, rewritten(sets[5], lambda k, text: "I am here to help." if k % 5 < 3 else text))
    assert all(np.isnan(told.llr_raw[p][5]).all() for p in PROPOSITIONS)


def test_order_of_files_and_lines_changes_no_byte(sets: list[ResponseSet], tmp_path: Path) -> None:
    tables = []
    for name, order in (("a", 1), ("b", -1)):
        shuffled = [replace(s, completions=s.completions[::order]) for s in sets[::order]]
        corpus = worlds.write_corpus(tmp_path / name, shuffled, dict(list(ASKED.items())[::order]))
        assert main(["compare", str(corpus), "--out", str(tmp_path / f"{name}.csv")]) == 0
        tables.append((tmp_path / f"{name}.csv").read_bytes())
    assert tables[0] == tables[1]


@pytest.mark.corpora
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (CORPORA / "alpaca_eval").is_dir(), reason="the recorded corpora are not at hand")
def test_thinking_missing_prompts_and_copies_move_little_on_a_recording() -> None:
    """Every eighth prompt of 60 models; the changed model is the first."""
    source = open_corpus(CORPORA / "alpaca_eval")
    ids = sorted(source.prompts)[::8]
    asked: dict[str, Prompt] = {i: source.prompts[i] for i in ids}
    wanted = set(ids)

    def cut(model: str, kept: set[str]) -> ResponseSet:
        told = source.responses(model)
        return replace(told, completions=tuple(c for c in told.completions if c.prompt_id in kept))

    sets = [cut(model, wanted) for model in source.models[:60]]
    base = compare(sets, asked, replicates=1)
    thought = rewritten(sets[0], lambda k, text: f"<think>First, what does {k} ask?</think>\n\n{text}")
    assert moved(base, compare([thought, *sets[1:]], asked, replicates=1), "weights").max() <= 0.05
    short = cut(sets[0].model, set(np.random.default_rng(2).permutation(ids)[: len(ids) * 6 // 10].tolist()))
    change = moved(base, compare([short, *sets[1:]], asked, replicates=1), "weights")
    assert np.quantile(change[np.isfinite(change)], 0.95) <= 0.3
    copied = compare([*sets, replace(sets[0], model="zz-copy")], asked, replicates=1)
    change = moved(base, copied, "weights")
    assert np.quantile(change[np.isfinite(change)], 0.95) <= 0.1
