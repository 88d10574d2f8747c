"""The group that fares worst."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.metrics.groups import SMALLEST_GROUP, worst_group


def answers(right_N: list[bool]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Two-class probabilities that are right where it is said, and the truth."""
    truth_N = np.zeros(len(right_N), dtype=np.int64)
    return np.array([[0.9, 0.1] if right else [0.2, 0.8] for right in right_N]), truth_N


def column(*parts: tuple[str, int]) -> NDArray[np.str_]:
    return np.array([name for name, count in parts for _ in range(count)])


def test_the_least_accurate_value_of_any_column_is_named_with_its_interval() -> None:
    scores, truth = answers([True] * 15 + [False] * 5)
    columns = {"camera": column(("left", 10), ("right", 10)), "shift": column(("a", 5), ("b", 15))}
    worst = worst_group(scores, truth, columns)
    assert worst is not None
    assert (worst.column, worst.value, worst.images) == ("camera", "right", 10)
    assert worst.accuracy.value == 0.5
    assert worst.accuracy.low == pytest.approx(0.2366, abs=1e-3), "Wilson's interval of 5 in 10"
    assert worst.accuracy.high == pytest.approx(0.7634, abs=1e-3)


def test_a_handful_of_images_is_not_called_the_worst() -> None:
    few = SMALLEST_GROUP - 1
    scores, truth = answers([False] * few + [True] * 20)
    worst = worst_group(scores, truth, {"camera": column(("bad", few), ("good", 20))})
    assert worst is not None
    assert worst.value == "good"
    many = SMALLEST_GROUP
    scores, truth = answers([False] * many + [True] * 20)
    worst = worst_group(scores, truth, {"camera": column(("bad", many), ("good", 20))})
    assert worst is not None
    assert (worst.value, worst.accuracy.value) == ("bad", 0.0)


def test_of_equal_groups_the_larger_is_named() -> None:
    scores, truth = answers([True, False] * 15)
    worst = worst_group(scores, truth, {"camera": column(("small", 10), ("large", 20))})
    assert worst is not None
    assert worst.value == "large"


def test_one_group_of_all_images_says_nothing() -> None:
    scores, truth = answers([True] * 10)
    assert worst_group(scores, truth, {"camera": column(("only", 10))}) is None
    assert worst_group(scores, truth, {}) is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    scores, truth = answers([True] * 10)
    with pytest.raises(InputError):
        worst_group(scores, truth[:5], {"camera": column(("a", 10))})
