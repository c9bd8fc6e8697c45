"""The channel of next-token distributions on made-up populations."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from forensics.channels.logprobs import FLOOR, PLUGIN
from forensics.records import Completion, NextToken, Prompt, ResponseSet

WORDS = [f"w{n}" for n in range(20)]
PROMPTS = {f"raw-{n:03d}": Prompt.raw(f"raw-{n:03d}", "once upon a time " * 3) for n in range(10)} | {
    f"chat-{n:03d}": Prompt.chat(f"chat-{n:03d}", "hello") for n in range(9)
}
Fingerprint = Mapping[str, NDArray[Any]]


def distributions(seed: int) -> dict[tuple[str, int], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    return {(p, chars): rng.dirichlet(np.ones(20)) for p in PROMPTS for chars in (10, 20)}


def response_set(model: str, told: Mapping[tuple[str, int], NDArray[np.float64]], tokenizer: str = "t") -> ResponseSet:
    def next_token(p: str, chars: int) -> NextToken:
        return NextToken(chars, tuple(zip(WORDS, np.log(told[p, chars]).tolist(), strict=True)))

    return ResponseSet.of(
        model, [Completion(p, "x", next_tokens=tuple(next_token(p, c) for c in (10, 20))) for p in PROMPTS], tokenizer
    )


def through_a_file(fingerprint: Fingerprint) -> Fingerprint:
    buffer = io.BytesIO()
    np.savez(buffer, **fingerprint)
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as held:
        return dict(held)


@pytest.fixture
def population() -> list[Fingerprint]:
    sets = [
        response_set("a", distributions(1)),
        response_set("b", distributions(2)),
        response_set("c", distributions(1)),
    ]
    return [through_a_file(PLUGIN.fingerprint(one)) for one in sets]


def test_scores_are_the_mean_divergence_that_scipy_gives(population: list[Fingerprint]) -> None:
    result = PLUGIN.compare(population, PROMPTS)
    one, two = distributions(1), distributions(2)
    raw = [jensenshannon(one[k], two[k], base=2) ** 2 for k in one if k[0].startswith("raw")]
    assert result.scores["logprobs"][0, 1] == pytest.approx(-np.log(np.mean(raw) + FLOOR), abs=1e-5)
    assert result.scores["logprobs"][0, 2] == pytest.approx(-np.log(FLOOR))
    assert result.n[0, 1] == 10
    assert np.isnan(result.scores["logprobs"][0, 0])


def test_other_tokenizers_are_not_compared(population: list[Fingerprint]) -> None:
    other = PLUGIN.fingerprint(response_set("d", distributions(1), tokenizer="u"))
    unknown = PLUGIN.fingerprint(response_set("e", distributions(1), tokenizer=""))
    unknown_too = PLUGIN.fingerprint(response_set("f", distributions(1), tokenizer=""))
    result = PLUGIN.compare([*population, other, unknown, unknown_too], PROMPTS)
    assert np.isnan(result.scores["logprobs"][3:]).all()
    assert (result.n[3:] == 0).all()
    assert "tokenizer" in result.why


def test_bootstrap_weights_count_prompts_in_sorted_order(population: list[Fingerprint]) -> None:
    order = sorted(PROMPTS)
    only_first_raw = np.zeros((1, len(order)), dtype=np.float32)
    only_first_raw[0, order.index("raw-000")] = 3
    result = PLUGIN.compare(
        population, PROMPTS, weights=np.vstack([np.ones((1, len(order)), dtype=np.float32), only_first_raw])
    )
    np.testing.assert_allclose(result.replicates["logprobs"][0], result.scores["logprobs"], rtol=1e-6)
    one, two = distributions(1), distributions(2)
    mean = np.mean([jensenshannon(one["raw-000", c], two["raw-000", c], base=2) ** 2 for c in (10, 20)])
    assert result.replicates["logprobs"][1, 0, 1] == pytest.approx(-np.log(mean + FLOOR), abs=1e-5)
    assert np.isnan(result.replicates["logprobs_chat"][1, 0, 1])


def test_too_few_shared_prompts_are_not_estimable(population: list[Fingerprint]) -> None:
    few = {key: prompt for key, prompt in PROMPTS.items() if key < "raw-007"}
    result = PLUGIN.compare(population, few)
    assert np.isnan(result.scores["logprobs"]).all()
    assert np.isfinite(result.scores["logprobs_chat"][0, 1])


def test_both_kinds_of_text_count_half_and_every_prompt_of_a_kind_alike(population: list[Fingerprint]) -> None:
    result = PLUGIN.compare(population, PROMPTS, weights=np.ones((1, len(PROMPTS)), dtype=np.float32))
    one, two = distributions(1), distributions(2)
    alike = {
        p: -np.log(np.mean([jensenshannon(one[p, c], two[p, c], base=2) ** 2 for c in (10, 20)]) + FLOOR)
        for p in PROMPTS
    }
    halves = [np.mean([value for p, value in alike.items() if p.startswith(kind)]) for kind in ("raw", "chat")]
    assert result.scores["logprobs_both"][0, 1] == pytest.approx(np.mean(halves), abs=1e-5)
    assert result.replicates["logprobs_both"][0, 0, 1] == pytest.approx(np.mean(halves), abs=1e-5)
    told = PLUGIN.cells(population, PROMPTS, result, (0, 1))["logprobs_both"]
    assert sorted(told.prompt_ids) == sorted(PROMPTS)
    assert told.pool(told.values.mean()) == pytest.approx(result.scores["logprobs_both"][0, 1])
    without = PLUGIN.compare(population, {p: prompt for p, prompt in PROMPTS.items() if p != "chat-004"})
    left = told.values[[p != "chat-004" for p in told.prompt_ids]].mean()
    assert left == pytest.approx(without.scores["logprobs_both"][0, 1], abs=0.01)
    only = PLUGIN.compare(population, {p: prompt for p, prompt in PROMPTS.items() if p.startswith("raw")})
    assert np.isfinite(only.scores["logprobs"][0, 1])
    assert np.isnan(only.scores["logprobs_both"]).all()
