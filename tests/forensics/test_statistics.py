"""Formulas of the engine against independent routes."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.channels.agreement import PLUGIN as AGREEMENT
from forensics.channels.refusals import PLUGIN as REFUSALS
from forensics.evaluation.cohort import cohort_normalise
from forensics.features.copies import constant_models, copy_weights
from forensics.features.refusal import RefusalState, refusal_state
from forensics.features.text import visible_text
from forensics.features.tokens import token_table
from forensics.lineage.openset import holm
from forensics.records import Completion, ResponseSet
from forensics.stats.pooling import PromptMean
from tests.forensics import worlds


def slow_rare_overlap(texts: list[list[str]]) -> np.ndarray:
    """The mean rare-phrase overlap by sets of tuples: texts[model][prompt]."""
    m, total = len(texts), np.zeros((len(texts), len(texts)))
    for replies in zip(*texts, strict=True):
        grams = []
        for text in replies:
            tokens = re.findall(r"\n+|\w+|[^\w\s]", text.lower()[:4000])
            grams.append({tuple(tokens[i : i + n]) for n in (3, 4) for i in range(len(tokens) - n + 1)})
        df = Counter(gram for own in grams for gram in own)
        weight = {g: 1 / (d - 1) for g, d in df.items() if 2 <= d <= max(2, int(0.1 * m))}
        for i, j in itertools.product(range(m), repeat=2):
            shared = sum(weight.get(gram, 0.0) for gram in grams[i] & grams[j])
            total[i, j] += shared / math.sqrt((len(grams[i]) + 5) * (len(grams[j]) + 5))
    return total / len(texts[0])


def test_rare_phrase_agreement_equals_a_slow_reckoning_with_sets() -> None:
    sets = worlds.population(12, 8, kin={3: 1, 7: 1})
    result = AGREEMENT.compare([token_table(s) for s in sets], worlds.prompts(8))
    overlap = slow_rare_overlap([[c.text for c in s.completions] for s in sets])
    off = ~np.eye(12, dtype=bool)
    expected = np.log(overlap + 0.01 * overlap[off].mean())
    assert np.allclose(result.scores["agreement"][off], expected[off], atol=1e-5)


def test_samples_of_one_model_are_united_and_never_run_into_each_other() -> None:
    one = [
        ResponseSet.of(f"m{i}", [Completion("p000", f"aa bb cc{i}", 0), Completion("p000", "dd ee ff", 1)])
        for i in range(8)
    ]
    table = token_table(one[0])
    assert table["offsets"].tolist() == [0, 3, 6]
    joined = [ResponseSet.of(f"m{i}", [Completion("p000", f"aa bb cc{i} dd ee ff")]) for i in range(8)]
    apart = AGREEMENT.compare([token_table(s) for s in one], worlds.prompts(1))
    together = AGREEMENT.compare([token_table(s) for s in joined], worlds.prompts(1))
    assert apart.n[0, 1] == together.n[0, 1] == 1
    assert np.isnan(apart.scores["agreement"]).all()  # one prompt is below the least


def test_cohort_normalisation_finds_the_relative_and_does_not_hang_on_order() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(20, 20))
    scores = noise + noise.T
    scores[2, 5] = scores[5, 2] = 12.0
    z = cohort_normalise(scores)
    assert z[2, 5] == np.nanmax(z)
    assert np.allclose(z, z.T, equal_nan=True)
    shuffle = rng.permutation(20)
    assert np.allclose(cohort_normalise(scores[np.ix_(shuffle, shuffle)]), z[np.ix_(shuffle, shuffle)], equal_nan=True)
    assert np.allclose(cohort_normalise(3 * scores - 7), z, equal_nan=True)


def test_cohort_normalisation_says_nothing_below_eight_models_or_of_flat_rows() -> None:
    assert np.isnan(cohort_normalise(np.random.default_rng(0).normal(size=(7, 7)))).all()
    assert np.isnan(cohort_normalise(np.ones((9, 9)))).all()


def test_copies_share_one_vote_in_a_cohort() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(12, 12))
    scores = noise + noise.T
    index = [*range(12), 0, 0, 0]
    repeated = scores[np.ix_(index, index)]
    weight = np.array([0.25, *[1.0] * 11, 0.25, 0.25, 0.25])
    once, often = cohort_normalise(scores), cohort_normalise(repeated, weight)
    assert np.allclose(once[3:12, 3:12], often[3:12, 3:12], atol=1e-9, equal_nan=True)


def test_a_constant_model_and_word_for_word_copies_are_recognised() -> None:
    sets = worlds.population(6, 20)
    constant = ResponseSet.of("c", [Completion(f"p{q:03d}", "I am fine, thank you.") for q in range(20)])
    copy = ResponseSet.of("d", sets[2].completions)
    tables = [token_table(s) for s in (*sets, constant, copy)]
    assert constant_models(tables).tolist() == [False] * 6 + [True, False]
    assert copy_weights(tables).tolist() == [1, 1, 0.5, 1, 1, 1, 1, 0.5]


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_holm_is_monotone_bounded_and_never_below_the_raw_p(values: list[float]) -> None:
    raw = np.array(values)
    adjusted = holm(raw)
    assert (adjusted >= raw - 1e-12).all()
    assert (adjusted <= 1.0).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= -1e-12).all()
    assert adjusted.min() == pytest.approx(min(1.0, raw.min() * raw.size))


def test_bootstrap_replicates_equal_means_over_drawn_prompts() -> None:
    rng = np.random.default_rng(2)
    matrices = rng.normal(size=(5, 4, 4))
    weights = np.array([[1, 0, 2, 0, 2], [0, 0, 0, 5, 0]], dtype=np.float32)
    pooled = PromptMean(4, weights)
    for prompt in range(5):
        rows = np.array([0, 1, 3]) if prompt == 2 else np.arange(4)
        pooled.add(prompt, rows, matrices[prompt][np.ix_(rows, rows)])
    first = pooled.replicates()
    assert first[0, 0, 1] == pytest.approx(
        (matrices[0, 0, 1] + 2 * matrices[2, 0, 1] + 2 * matrices[4, 0, 1]) / 5, rel=1e-5
    )
    assert first[0, 2, 1] == pytest.approx((matrices[0, 2, 1] + 2 * matrices[4, 2, 1]) / 3, rel=1e-5)
    assert np.allclose(first[1], matrices[3], atol=1e-6)


@pytest.mark.parametrize(
    ("completion", "state"),
    [
        ("I\u2019m sorry, but I can\u2019t help with that request.", RefusalState.REFUSED),
        ("Lo siento, no puedo ayudar con eso.", RefusalState.REFUSED),
        ("抱歉，我无法提供这类内容。", RefusalState.REFUSED),
        ("Es tut mir leid, das geht leider nicht.", RefusalState.REFUSED),
        ('Sure. The guard said "I cannot help you with that, sir" and left the room.', RefusalState.COMPLIED),
        ("```\n# I cannot help with that\n```\nThis prints a line.", RefusalState.COMPLIED),
        ("Could you please clarify what you mean?", RefusalState.EVADED),
        ("   ", RefusalState.NOTHING),
        ("<think>I must refuse. I cannot help.</think>Boil the eggs for six minutes.", RefusalState.COMPLIED),
    ],
)
def test_refusal_states_of_our_own_examples(completion: str, state: RefusalState) -> None:
    assert refusal_state(completion) is state


def test_thinking_is_left_out_even_when_it_never_closes_or_never_opens() -> None:
    assert visible_text("<think>a</think>\n\nb") == "b"
    assert visible_text("<think>never closed") == ""
    assert visible_text("opened in the prompt</think> b") == "b"
    assert visible_text("I think <think> is a tag") == "I think <think> is a tag"


def test_models_that_refuse_the_same_odd_prompts_agree_beyond_their_rates() -> None:
    rng = np.random.default_rng(4)
    pattern = rng.random((12, 40)) < 0.4
    pattern[1] = pattern[0]
    no, yes = "I'm sorry, but I can't help with that.", "Of course: begin with the flour."
    sets = [
        ResponseSet.of(f"m{i:02d}", [Completion(f"p{q:03d}", no if pattern[i, q] else yes) for q in range(40)])
        for i in range(12)
    ]
    scores = REFUSALS.compare([REFUSALS.fingerprint(s) for s in sets], worlds.prompts(40)).scores["refusals"]
    assert scores[0, 1] > 0.95
    assert np.nanmean(np.abs(scores[2:, 2:])) < 0.3
