"""The exact p-values of signs and places against enumeration and other libraries, and what they say of nothing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, combine_pvalues, poisson

from forensics.stats.cka import unbiased_cka, unbiased_hsic
from forensics.stats.symmetry import both_log_p, in_place_log_p, matching, signs_log_p


@pytest.mark.parametrize(("agreeing", "signs"), [(1, 1), (3, 7), (60, 100), (300, 512), (512, 512)])
def test_signs_are_fair_coins(agreeing: int, signs: int) -> None:
    assert math.exp(signs_log_p(agreeing, signs)) == pytest.approx(binom.sf(agreeing - 1, signs, 0.5), rel=1e-9)


def test_a_p_value_below_what_a_float_can_hold_is_still_told() -> None:
    assert signs_log_p(20_000, 20_000) == pytest.approx(-20_000 * math.log(2))
    assert in_place_log_p(10_000, [(10_000, 10_000)]) == pytest.approx(-math.lgamma(10_001))
    assert signs_log_p(0, 0) == signs_log_p(0, 9) == in_place_log_p(0, [(5, 5)]) == in_place_log_p(0, []) == 0


@pytest.mark.parametrize("layers", [[(5, 5)], [(3, 6)], [(5, 5), (4, 4)], [(3, 5), (4, 4)]])
def test_units_in_place_are_counted_as_in_all_orders_there_are(layers: list[tuple[int, int]]) -> None:
    kept = np.zeros(1, dtype=int)
    for matched, units in layers:
        orders = itertools.permutations(range(units), matched)
        kept = np.add.outer(kept, [sum(place == i for i, place in enumerate(order)) for order in orders]).ravel()
    for k in range(kept.max() + 1):
        assert math.exp(in_place_log_p(k, layers)) == pytest.approx(float((kept >= k).mean())), k


def test_many_large_layers_have_as_many_in_place_as_a_poisson_law_says_and_the_far_tail_is_bounded_from_above() -> None:
    layers = [(192, 192)] * 32
    for k in (10, 32, 50, 60):
        assert in_place_log_p(k, layers) == pytest.approx(poisson.logsf(k - 1, 32), abs=1e-4)
    for k in (80, 100, 130):
        assert 0 <= in_place_log_p(k, layers) - poisson.logsf(k - 1, 32) <= 32.1
    steps = [in_place_log_p(k, layers) for k in range(300)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(steps))


def test_two_p_values_are_combined_as_fisher_does() -> None:
    for p, q in ((0.03, 0.4), (1.0, 1.0), (1e-9, 0.9)):
        fisher = combine_pvalues([p, q]).pvalue
        assert math.exp(both_log_p(math.log(p), math.log(q))) == pytest.approx(fisher)
    assert both_log_p(-5000.0, -10.0) == pytest.approx(-5010 + math.log(5011))


def test_where_every_matching_is_as_good_none_is_preferred() -> None:
    kept = [int((rows == columns).sum()) for rows, columns in (_flat(seed) for seed in range(400))]
    assert np.mean(kept) == pytest.approx(1.0, abs=0.2)
    assert np.mean([k >= 3 for k in kept]) == pytest.approx(poisson.sf(2, 1), abs=0.05)


def _flat(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return matching(np.zeros((20, 20)), np.random.default_rng(seed))


def test_the_matching_is_the_best_one_and_may_leave_columns_over() -> None:
    likeness = np.array([[0.1, 0.9, 0.2, 0.0], [0.3, 0.8, 0.1, 0.2]])
    rows, columns = matching(likeness, np.random.default_rng(1))
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [1, 0])


def test_cka_is_one_for_a_rotated_map_and_nothing_on_average_for_two_that_share_nothing() -> None:
    rng = np.random.default_rng(3)
    given = rng.normal(size=(40, 6))
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    assert unbiased_cka(given @ given.T, 3 * (given @ turn) @ (given @ turn).T) == pytest.approx(1.0)
    told = []
    for _ in range(60):
        other = rng.normal(size=(40, 6))
        told.append(unbiased_cka(given @ given.T, other @ other.T))
    assert np.mean(told) == pytest.approx(0.0, abs=0.03)
    assert math.isnan(unbiased_cka(np.ones((3, 3)), np.ones((3, 3))))
    assert math.isnan(unbiased_cka(np.ones((9, 9)), given[:9] @ given[:9].T))


def test_hsic_is_the_mean_over_all_quadruples_of_inputs() -> None:
    """The unbiased estimate written out as Gretton et al. define it, for six inputs."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 6, 3))
    one, other = x @ x.T, y @ y.T
    terms = [
        one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q]) for i, j, q, r in itertools.permutations(range(6), 4)
    ]
    assert unbiased_hsic(one, other) == pytest.approx(np.mean(terms))
