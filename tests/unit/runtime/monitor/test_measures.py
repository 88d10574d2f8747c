from __future__ import annotations

import pytest

from edgefit.runtime.monitor.measures import BOUNDS_S, Histogram, Newest, Rate


def test_a_rate_follows_the_last_ten_seconds_alone() -> None:
    rate = Rate(0.0)
    for tick in range(1000):  # 20 s at 50 per second
        rate.add(tick / 50)
    assert rate.per_second(20.0) == pytest.approx(50, rel=0.06)
    for tick in range(100):
        rate.add(20 + tick / 5)  # 20 s at 5 per second
    assert rate.per_second(40.0) == pytest.approx(5, rel=0.06)
    assert rate.per_second(60.0) == 0


def test_a_rate_of_the_first_seconds_is_not_spread_over_ten() -> None:
    rate = Rate(100.0)
    for tick in range(40):
        rate.add(100 + tick / 20)
    assert rate.per_second(102.0) == pytest.approx(20, rel=0.06)


def test_a_rate_of_many_events_takes_no_memory() -> None:
    rate = Rate(0.0)
    for tick in range(10_000):
        rate.add(tick * 0.1)
    assert len(rate._slots) <= 21


def test_percentiles_are_those_of_the_newest_values() -> None:
    newest = Newest()
    assert newest.spread() is None
    for value in [9.0] * 500 + list(range(1, 1001)):
        newest.add(value)
    spread = newest.spread()
    assert spread is not None and (spread.p50, spread.p99) == (500, 990)


def test_a_histogram_counts_a_value_on_a_bound_below_it() -> None:
    histogram = Histogram()
    for value in (0.0, 0.001, 0.0011, 30.0, 31.0):
        histogram.add(value)
    found = histogram.buckets()
    assert found.cumulative[:2] == (2, 3) and found.cumulative[-1] == 4
    assert (found.count, len(found.cumulative)) == (5, len(BOUNDS_S))
    assert found.total == pytest.approx(61.0021)
