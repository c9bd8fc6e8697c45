"""Same or not the same: the tests agree with their source, keep their level, and see a swap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_equality_testing.distribution import CompletionSample
from model_equality_testing.tests import mmd_hamming, mmd_kspectrum
from numpy.typing import NDArray
from scipy.stats import kstest

from forensics import channels, registry
from forensics.evaluation.equality import against_same, equality, verdict
from forensics.evaluation.power import between, rates, report
from forensics.features.first_words import first_word
from forensics.records import Completion, Prompt, ResponseSet
from forensics.stats.eprocess import EqualityProcess, log10_e_of_pairs, p_to_e
from forensics.stats.mmd import StratifiedMMD, hamming_kernel, spectrum_kernel

COLOURS = ("red", "blue", "green", "grey", "ochre")


def sequences(rng: np.random.Generator, prompts: int, samples: int, width: int) -> NDArray[np.int64]:
    """(prompts, samples, width) of five symbols; each prompt has its own taste."""
    taste = rng.dirichlet(np.ones(5), size=prompts)
    return np.stack([rng.choice(5, size=(samples, width), p=p) for p in taste])


def compared(
    a: NDArray[np.int64], b: NDArray[np.int64], *, orders: tuple[int, ...] = (), draws: int = 0
) -> StratifiedMMD:
    """Both sides' samples, prompt by prompt."""
    found = StratifiedMMD(2, draws, seed=3)
    for key, (x, y) in enumerate(zip(a, b, strict=True)):
        pooled = np.concatenate([x, y]).astype(np.uint64)
        lengths = np.full(len(pooled), pooled.shape[1])
        kernel = (
            spectrum_kernel(pooled.ravel(), lengths, orders)
            if orders
            else hamming_kernel(pooled.ravel(), lengths, pooled.shape[1])
        )
        found.add(np.arange(2), np.array([len(x), len(y)]), kernel, key)
    return found


@pytest.mark.parametrize(("peer", "orders"), [(mmd_hamming, ()), (mmd_kspectrum, (1, 2, 3))])
def test_the_statistic_is_that_of_model_equality_testing_to_seven_digits(peer, orders) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(1)
    a, b = sequences(rng, 6, 5, 30), sequences(rng, 6, 7, 30)
    sides = [CompletionSample(np.repeat(np.arange(6), s.shape[1]), s.reshape(-1, 30), m=6) for s in (a, b)]
    theirs = peer(*sides, **({"k": 3} if orders else {}))
    assert compared(a, b, orders=orders).result().mmd[0, 1] == pytest.approx(theirs, abs=1e-7)


def test_permutation_p_values_are_near_uniform_under_the_null_and_never_zero() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(300):
        both = sequences(rng, 5, 7, 12)
        found.append(compared(both[:, :4], both[:, 4:], draws=199).result().p[0, 1])
    assert min(found) >= 1 / 200
    assert kstest(found, "uniform").pvalue > 0.01
    apart = compared(np.zeros((9, 4, 12), int), np.ones((9, 4, 12), int), draws=199).result()
    assert apart.p[0, 1] == 1 / 200
    alike = compared(np.zeros((9, 4, 12), int), np.zeros((9, 4, 12), int), draws=199).result()
    assert (alike.p[0, 1], alike.mmd[0, 1]) == (1.0, 0.0)


def answers(rng: np.random.Generator, model: int, samples: int, cells: int = 12) -> NDArray[np.uint64]:
    """(samples, cells): a model's taste in each cell, drawn from its own seed."""
    taste = np.random.default_rng(model).dirichlet(np.full(6, 0.5), size=cells)
    return np.stack([rng.choice(6, size=samples, p=p) for p in taste], axis=1).astype(np.uint64)


def walked(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> EqualityProcess:
    """The process after all samples, every cell in turn."""
    process = EqualityProcess()
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        for cell, (one, other) in enumerate(zip(x, y, strict=True)):
            process.update(cell, one, other)
    return process


def test_betting_against_equality_ever_wins_tenfold_in_less_than_a_tenth_where_it_is_true() -> None:
    rng = np.random.default_rng(4)
    ended = [walked(answers(rng, k, 8), answers(rng, k, 8)) for k in range(150)]
    assert np.mean([process.rejects(0.1) for process in ended]) <= 0.1
    assert np.mean([10**process.log10_e for process in ended]) < 1.5
    assert all(walked(answers(rng, k, 8), answers(rng, k + 1, 8)).rejects(0.01) for k in range(20))


def test_all_pairs_at_once_give_what_the_process_gives_one_by_one() -> None:
    rng = np.random.default_rng(5)
    told = np.stack([answers(rng, k, 4).ravel() for k in (1, 1, 2, 3)])
    there = rng.random(told.shape) < 0.9
    cell = np.tile(np.arange(12), 4)
    found = log10_e_of_pairs(told, there, cell)
    process = EqualityProcess()
    for a, b, has_a, has_b, where in zip(told[0], told[2], there[0], there[2], cell, strict=True):
        process.update(int(where), int(a) if has_a else None, int(b) if has_b else None)
    assert found[0, 2] == pytest.approx(process.log10_e, abs=1e-9)
    assert np.array_equal(found, found.T)


def speaker(name: str, taste: int, *, samples: int = 8, seed: int = 0, prompts: int = 10) -> ResponseSet:
    """A model with a taste of its own in words, asked the prompts of `asked`."""
    rng = np.random.default_rng([taste, seed])
    habits = np.random.default_rng(taste).dirichlet(np.full(len(COLOURS), 0.6), size=prompts)
    said = [
        Completion(f"{kind}{p}", " ".join(rng.choice(COLOURS, size=1 if kind == "w" else 12, p=habits[p])), sample)
        for kind in "wo"
        for p in range(prompts)
        for sample in range(samples)
    ]
    return ResponseSet.of(name, said)


def asked(prompts: int = 10) -> dict[str, Prompt]:
    """One-word prompts w0, w1, ... and open ones o0, o1, ..."""
    words = [Prompt.chat(f"w{p}", f"Name colour {p}.", family="one-word") for p in range(prompts)]
    return {p.prompt_id: p for p in [*words, *(Prompt.chat(f"o{p}", f"Paint {p}.") for p in range(prompts))]}


def test_a_swapped_model_is_rejected_and_the_same_model_is_not() -> None:
    swapped = equality(speaker("a", 1), speaker("b", 2), asked())
    again = equality(speaker("a", 1), speaker("b", 1, seed=9), asked())
    assert (swapped.words, again.words) == ("same is rejected", "same is not rejected")
    assert (swapped.p, swapped.prompts, swapped.cells) == (1 / 40_000, 10, 10)
    assert verdict(equality(speaker("a", 1, samples=1), speaker("b", 2), asked()).log10_lr) == "not estimable"


def words_alone(prompts: int = 10) -> dict[str, Prompt]:
    """The one-word prompts of `asked`."""
    return {i: p for i, p in asked(prompts).items() if p.family == "one-word"}


def test_no_half_of_one_model_is_told_from_the_other_in_a_hundred_splits() -> None:
    sets = [speaker(f"m{k}", k) for k in range(10)]
    found = rates(sets, asked(), samples=4, asked=16, repeats=10, rng=np.random.default_rng(7))
    assert len(found.same) == 100
    assert (found.same[:, 1] >= 1).sum() == 0
    assert {verdict(lr) for lr in found.same[:, 1]} == {"same is not rejected"}
    assert kstest(found.same[:, 0], "uniform").pvalue > 0.01
    assert (found.different[:, 1] >= 1).mean() > 0.95
    assert "one model" in report([found])


def test_one_word_answers_alone_raise_no_alarm_among_halves_and_tell_models_apart() -> None:
    sets = [speaker(f"m{k}", k, samples=16) for k in range(10)]
    found = rates(sets, words_alone(), samples=4, asked=10, repeats=20, rng=np.random.default_rng(8), draws=0)
    assert len(found.same) == 200
    assert (found.same[:, 1] >= 1).sum() == 0
    whole = between(sets, words_alone(), samples=16, asked=10, repeats=1, rng=np.random.default_rng(9), draws=0)
    assert (len(whole.different), len(whole.same)) == (45, 0)
    assert (whole.different[:, 1] >= 1).mean() > 0.95


def test_evidence_against_sameness_is_combined_and_absent_where_nothing_was_asked_twice() -> None:
    p, e = np.array([1e-4, np.nan, 0.5, np.nan]), np.array([-3.0, -2.5, np.nan, np.nan])
    told = np.log10([(0.001 * 1e-4**-0.999 + 10) / 2, 10**0.5, 0.001 * 0.5**-0.999])
    assert np.allclose(against_same(p, e)[:3], told)
    assert np.isnan(against_same(p, e)[3])
    assert 10 ** p_to_e(np.linspace(1e-6, 1, 10**6)).mean() <= 1


def test_the_largest_of_a_hundred_looks_at_equal_models_keeps_its_promise() -> None:
    rng = np.random.default_rng(11)
    told = np.stack([answers(rng, 3, 4).ravel() for _ in range(400)])
    e = log10_e_of_pairs(told, np.ones(told.shape, dtype=bool), np.tile(np.arange(12), 4))
    looks = against_same(np.full(e.shape, np.nan), -e)[np.triu_indices(400, 1)]
    assert e.max() >= 1  # the process itself reaches ten now and then, as it may
    largest = rng.permutation(looks)[:79_000].reshape(-1, 100).max(axis=1)
    assert (10**largest).mean() <= 1
    assert looks.max() < 1


@pytest.mark.parametrize("name", ["distribution", "one-word"])
def test_names_order_and_prompt_ids_change_no_score_and_few_samples_give_none(name: str) -> None:
    channel = registry.load(channels.PACKAGE, name)
    sets = [speaker(f"m{k}", k % 4, seed=k, samples=3 + k % 3) for k in range(6)]
    ids = {key: f"z{97 - i}" for i, key in enumerate(asked())}
    moved = [ResponseSet.of(s.model, [replace(c, prompt_id=ids[c.prompt_id]) for c in s.completions]) for s in sets]
    first = channel.compare([channel.fingerprint(s) for s in sets], asked())
    renamed = {ids[k]: replace(p, prompt_id=ids[k]) for k, p in asked().items()}
    again = channel.compare([channel.fingerprint(s) for s in reversed(moved)], renamed)
    pair = channel.compare([channel.fingerprint(s) for s in sets[:2]], asked())
    for score, matrix in first.scores.items():
        assert np.allclose(again.scores[score][::-1, ::-1], matrix, equal_nan=True, atol=1e-12), score
        assert pair.scores[score][0, 1] == pytest.approx(matrix[0, 1], abs=1e-12), score
    few = [channel.fingerprint(speaker(f"m{k}", k, samples=1)) for k in range(3)]
    assert all(np.isnan(matrix).all() for matrix in channel.compare(few, asked()).scores.values())
    assert all(np.isnan(matrix).all() for matrix in channel.compare(few, {}).scores.values())


@pytest.mark.parametrize(
    ("completion", "word"),
    [
        ("**Blue.**", "blue"),
        ("  7\n", "7"),
        ("\u201eGr\u00fcn\u201c ist sch\u00f6n", "grün"),
        ("青色。", "青色"),
        ("हिन्दी", "हिन्दी"),
        ("...", ""),
    ],
)
def test_the_first_word_is_told_without_its_wrapping(completion: str, word: str) -> None:
    assert first_word(completion) == word
