"""Mixtures told by distances alone, beside the same mixtures told by their points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from forensics.stats.sources import gains, mixture_residual

Values = NDArray[np.float64]


def distances(points: Values) -> Values:
    return np.asarray(((points[:, None] - points[None]) ** 2).sum(axis=2))


@pytest.mark.parametrize("seed", range(4))
def test_the_residual_is_that_of_the_best_weights_found_on_the_points(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(6, 9))
    apart = distances(points)
    best = minimize(
        lambda w: ((points[0] - w @ points[1:]) ** 2).sum(),
        np.full(5, 0.2),
        bounds=[(0, 1)] * 5,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        tol=1e-12,
    )
    assert mixture_residual(apart[0, 1:], apart[1:, 1:]) == pytest.approx(best.fun, rel=1e-6)
    assert mixture_residual(1e-6 * apart[0, 1:], 1e-6 * apart[1:, 1:]) == pytest.approx(1e-6 * best.fun, rel=1e-6)


def test_without_a_source_that_is_in_it_a_mixture_is_worse_explained() -> None:
    rng = np.random.default_rng(5)
    sources = rng.normal(size=(4, 50))
    own = 0.6 * sources[0] + 0.4 * sources[2] + 0.2 * rng.normal(size=50)
    apart = distances(np.vstack([own, sources]))
    found = gains(apart[0, 1:], apart[1:, 1:], np.array([0, 1, 2, 3]))
    assert min(found[0], found[2]) > 0.8
    assert max(found[1], found[3]) < 0.05
    together = gains(apart[0, 1:], apart[1:, 1:], np.array([0, 1, 0, 1]))
    assert together[0] > found[[0, 2]].max()


def test_nothing_to_explain_by_and_nothing_to_explain() -> None:
    assert mixture_residual(np.empty(0), np.empty((0, 0))) == np.inf
    assert gains(np.empty(0), np.empty((0, 0)), np.empty(0, dtype=np.int64)).size == 0
    assert gains(np.array([1.0]), np.zeros((1, 1)), np.array([0])).tolist() == [np.inf]
    assert np.isnan(gains(np.array([0.0, 2.0]), np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([0, 1]))).all()
