"""The divergence of partly known distributions against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from forensics.stats import divergence
from forensics.stats.divergence import pairwise_jensen_shannon


def test_complete_distributions_agree_with_scipy() -> None:
    p = np.random.default_rng(1).dirichlet(np.full(12, 0.3), size=6)
    found = pairwise_jensen_shannon(p, np.ones_like(p, dtype=bool))
    expected = [[jensenshannon(a, b, base=2) ** 2 for b in p] for a in p]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_missing_entry_counts_as_the_rows_least_listed_one() -> None:
    p = np.array([[0.6, 0.2, 0.1, 0.0], [0.5, 0.0, 0.2, 0.1]])
    listed = p > 0
    a, b = np.array([0.6, 0.2, 0.1, 0.1]), np.array([0.5, 0.1, 0.2, 0.1])
    expected = jensenshannon(a / a.sum(), b / b.sum(), base=2) ** 2
    assert pairwise_jensen_shannon(p, listed)[0, 1] == pytest.approx(expected, abs=1e-12)


def test_a_pair_does_not_depend_on_who_else_is_compared() -> None:
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(30), size=8)
    listed = p >= np.sort(p, axis=1)[:, -10:-9]
    p = np.where(listed, p, 0.0)
    alone = pairwise_jensen_shannon(p[:2], listed[:2])[0, 1]
    assert pairwise_jensen_shannon(p, listed)[0, 1] == pytest.approx(alone, abs=1e-12)


def test_blocks_change_nothing_and_disjoint_rows_are_one_bit_apart_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.random.default_rng(3).dirichlet(np.ones(9), size=7)
    listed = p > 0.05
    whole = pairwise_jensen_shannon(p, listed)
    monkeypatch.setattr(divergence, "MOST_NUMBERS", 70)
    np.testing.assert_allclose(pairwise_jensen_shannon(p, listed), whole, atol=1e-12)
    assert whole.max() <= 1
    np.testing.assert_array_equal(whole, whole.T)


def test_a_row_that_lists_nothing_is_not_estimable() -> None:
    p = np.array([[0.7, 0.3], [0.0, 0.0]])
    assert np.isnan(pairwise_jensen_shannon(p, p > 0)[0, 1])
