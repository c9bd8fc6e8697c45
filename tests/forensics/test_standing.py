"""Where a pair stands among all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.lineage.standing import nearest, standing


def scores() -> np.ndarray:
    """Four models: six pairs, one of them not estimable."""
    matrix = np.array([[0, 5, 1, 2], [5, 0, 3, np.nan], [1, 3, 0, 2], [2, np.nan, 2, 0]], dtype=float)
    np.fill_diagonal(matrix, np.nan)
    return matrix


def test_the_most_alike_pair_is_first_and_one_of_all_that_are_estimable() -> None:
    told = standing(scores(), (1, 0), bins=4)
    assert (told.value, told.rank, told.share, told.pairs, told.of) == (5.0, 1, 0.2, 5, 6)
    assert told.bin == 3


def test_ties_share_a_rank_and_both_count_as_at_least_as_alike() -> None:
    for pair in ((0, 3), (2, 3)):
        told = standing(scores(), pair)
        assert (told.rank, told.share) == (3, pytest.approx(4 / 5))


def test_swapping_the_sides_changes_nothing_and_the_histogram_counts_every_pair() -> None:
    one, other = standing(scores(), (0, 2)), standing(scores(), (2, 0))
    assert one == other
    assert sum(one.counts) == one.pairs
    assert one.bin == 0


def test_a_pair_that_is_not_estimable_has_no_rank_rather_than_a_zero() -> None:
    told = standing(scores(), (1, 3))
    assert (told.value, told.rank, told.share, told.bin) == (None, None, None, None)
    nothing = standing(np.full((3, 3), np.nan), (0, 1))
    assert (nothing.pairs, nothing.counts) == (0, ())


def test_equal_scores_have_a_histogram_too() -> None:
    told = standing(np.full((3, 3), 2.0), (0, 1))
    assert (told.rank, told.share, sum(told.counts)) == (1, 1.0, 3)


def test_the_nearest_leave_out_the_model_itself_and_what_is_not_estimable() -> None:
    assert nearest(scores(), 1) == ((0, 5.0), (2, 3.0))
