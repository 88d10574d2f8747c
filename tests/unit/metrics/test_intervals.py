"""Intervals: known values, behaviour at the bounds, and coverage of the truth."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.metrics import evaluate
from edgefit.metrics import intervals as iv


def test_wilson_equals_published_values() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3.
    for right, size, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        found = iv.wilson_interval(np.float64(right / size), size, 0.95)
        assert np.round(found, 4).tolist() == pytest.approx([low, high])


def test_wilson_of_no_groups_is_undefined() -> None:
    low, high = iv.wilson_interval(np.array([0.5]), np.array([0.0]), 0.95)
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_mean_interval_of_one_class_is_its_own_interval() -> None:
    found = iv.mean_interval(np.array([0.8]), np.array([0.7]), np.array([0.85]))
    assert found == pytest.approx((0.7, 0.85))


def test_mean_interval_narrows_with_the_square_root_of_the_classes() -> None:
    ones = np.ones(16)
    low, high = iv.mean_interval(ones, ones - 0.4, ones)
    assert (low, high) == pytest.approx((0.9, 1.0))


def test_auc_interval_holds_the_value_and_shrinks_with_images() -> None:
    few, many = iv.auc_interval(0.9, 10, 10, 0.95), iv.auc_interval(0.9, 1000, 1000, 0.95)
    assert few[0] < many[0] < 0.9 < many[1] < few[1]
    low, high = iv.auc_interval(1.0, 20, 20, 0.95)
    assert 0.8 < low < 0.95 and high == 1.0
    assert np.isnan(iv.auc_interval(1.0, 0, 5, 0.95)).all()


def test_auc_interval_bounds_are_one_quantile_away() -> None:
    low, _ = iv.auc_interval(0.9, 30, 40, 0.95)
    others = 35 - 1
    variance = low * (1 - low) / 1200 * (1 + others * ((1 - low) / (2 - low) + low / (1 + low)))
    assert 0.9 - low == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-5)


def test_resampled_weights_draw_whole_groups() -> None:
    group_N = np.array([0, 0, 1, 2, 2, 2])
    blocks = np.concatenate(list(iv.resampled_weights(group_N, 50, seed=3)))
    assert blocks.shape == (50, 6)
    np.testing.assert_array_equal(blocks[:, 0], blocks[:, 1])
    np.testing.assert_array_equal(blocks[:, 3], blocks[:, 5])
    np.testing.assert_array_equal(blocks[:, [0, 2, 3]].sum(axis=1), 3)


def test_blocks_stay_small_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    group_N = np.arange(100)
    whole = np.concatenate(list(iv.resampled_weights(group_N, 30, seed=0)))
    monkeypatch.setattr(iv, "_VALUES_AT_ONCE", 700)
    blocks = list(iv.resampled_weights(group_N, 30, seed=0))
    assert [block.shape[0] for block in blocks] == [7, 7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), whole)


def test_percentile_interval_leaves_out_undefined_resamples() -> None:
    values = np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, np.nan]])
    low, high = iv.percentile_interval(values, 0.5)
    assert (low[0], high[0]) == (0.25, 0.75)
    assert np.isnan(low[1]) and np.isnan(high[1])
    low, high = iv.percentile_interval(np.array([np.nan, np.nan]), 0.9)
    assert np.isnan(low) and np.isnan(high)


def test_options_and_groups_are_checked() -> None:
    with pytest.raises(InputError, match="resamples"):
        iv.check_options(0, 0.95)
    with pytest.raises(InputError, match="confidence"):
        iv.check_options(10, 95)
    with pytest.raises(InputError, match="groups"):
        iv.group_index(np.arange(3), 4)


def test_groups_with_counts_each_group_once() -> None:
    group_N, class_N = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 1])
    np.testing.assert_array_equal(iv.groups_with(group_N, class_N, count=3), [2, 2, 0])


def _coverage(groups: int, per_group: int, spread: float, by_group: bool) -> float:
    """Share of 200 simulated sets whose accuracy interval holds the true accuracy, 0.85."""
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(200):
        # Beta-distributed accuracy per group: the larger the spread, the more images of a group
        # share their fate.
        rate = generator.beta(0.85 / spread, 0.15 / spread, groups)
        right = generator.random((groups, per_group)) < rate[:, None]
        scores = np.stack([right.ravel(), ~right.ravel()], axis=1).astype(float)
        report = evaluate(
            scores,
            np.zeros(right.size, dtype=int),
            ["good", "bad"],
            groups_N=np.repeat(np.arange(groups), per_group) if by_group else None,
            resamples=200,
            seed=trial,
        )
        accuracy = report.metrics["accuracy"]
        hits += accuracy.low <= 0.85 <= accuracy.high
    return hits / 200


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    assert 0.92 <= _coverage(groups=200, per_group=1, spread=1.0, by_group=True) <= 0.99


@pytest.mark.slow
def test_grouping_is_what_keeps_coverage_when_groups_share_their_fate() -> None:
    assert _coverage(groups=40, per_group=10, spread=0.5, by_group=True) >= 0.92
    assert _coverage(groups=40, per_group=10, spread=0.5, by_group=False) < 0.8
