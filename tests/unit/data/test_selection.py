"""The calibration set."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.data.selection import choose_evenly

TARGETS = np.array([0] * 100 + [1] * 10 + [2] * 1 + [3] * 40)


def test_every_class_is_there_and_rare_ones_in_full() -> None:
    chosen = choose_evenly(TARGETS, 40, seed=0)
    assert len(set(chosen.tolist())) == 40
    assert np.bincount(TARGETS[chosen]).tolist() in ([15, 10, 1, 14], [14, 10, 1, 15])


def test_as_few_as_there_are_classes() -> None:
    assert sorted(TARGETS[choose_evenly(TARGETS, 4, seed=3)]) == [0, 1, 2, 3]


def test_the_choice_depends_on_the_seed_alone() -> None:
    first = choose_evenly(TARGETS, 30, seed=1)
    assert np.array_equal(first, choose_evenly(TARGETS, 30, seed=1))
    assert not np.array_equal(first, choose_evenly(TARGETS, 30, seed=2))
    assert np.array_equal(first, np.sort(first))
    assert first.dtype == np.int64


@pytest.mark.parametrize("count", [151, 1000])
def test_all_where_there_are_fewer(count: int) -> None:
    assert np.array_equal(choose_evenly(TARGETS, count, seed=0), np.arange(151))
