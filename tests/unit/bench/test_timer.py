"""The timer, with a callable and a clock that do what the test says."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from edgefit.bench.timer import TimingSamples, time_callable
from edgefit.errors import InputError


class FakeMachine:
    """A clock that only moves when the call does."""

    def __init__(self, durations_ns: Iterable[int]) -> None:
        self.now = 0
        self.calls = 0
        self.collecting: list[bool] = []
        self._durations: Iterator[int] = iter(durations_ns)

    def clock(self) -> int:
        return self.now

    def call(self) -> None:
        self.calls += 1
        self.collecting.append(gc.isenabled())
        self.now += next(self._durations)


def _samples(values: Iterable[int]) -> TimingSamples:
    return TimingSamples(np.array(list(values), dtype=np.int64), warmup=0)


def test_samples_are_the_durations_without_the_warmup() -> None:
    machine = FakeMachine([900, 800, 10, 20, 30])
    found = time_callable(machine.call, warmup=2, min_runs=3, seconds=0, clock=machine.clock)
    assert found.samples_ns.tolist() == [10, 20, 30]
    assert found.warmup == 2
    assert machine.calls == 5


def test_runs_go_on_until_the_time_is_over() -> None:
    machine = FakeMachine([1_000_000] * 100)
    found = time_callable(machine.call, warmup=0, min_runs=3, seconds=0.01, clock=machine.clock)
    assert found.samples_ns.size == 10


def test_runs_go_on_until_there_are_enough() -> None:
    machine = FakeMachine([5_000_000_000] * 100)
    found = time_callable(machine.call, warmup=0, min_runs=7, seconds=0.01, clock=machine.clock)
    assert found.samples_ns.size == 7


def test_collector_is_off_while_timing_and_on_again_after_an_error() -> None:
    machine = FakeMachine([1, 1])
    with pytest.raises(StopIteration):
        time_callable(machine.call, warmup=0, min_runs=3, seconds=0, clock=machine.clock)
    assert machine.collecting == [False, False, False]
    assert gc.isenabled()


def test_percentiles_are_samples_that_were_seen() -> None:
    found = _samples(n * 1_000_000 for n in range(1, 101))
    assert (found.p50_ms, found.p90_ms, found.p99_ms) == (50.0, 90.0, 99.0)


def test_p99_needs_a_hundred_samples() -> None:
    assert _samples(range(1, 100)).p99_ms is None
    assert _samples(range(1, 101)).p99_ms is not None


def test_one_outlier_moves_neither_median_nor_spread() -> None:
    quiet = _samples([1000] * 99 + [1_000_000])
    assert quiet.p50_ms == 0.001
    assert quiet.spread == 0.0


def test_spread_is_the_quartile_range_over_the_median() -> None:
    assert _samples([80, 90, 100, 110, 120]).spread == pytest.approx(0.2)


def test_slowing_down_is_a_drift() -> None:
    throttled = _samples([1000] * 60 + [1300] * 40)
    assert throttled.drift == pytest.approx(0.3)
    assert throttled.drifts


def test_creeping_up_is_a_drift() -> None:
    assert _samples(range(1000, 1300)).drifts


def test_noise_is_no_drift() -> None:
    noise = np.random.default_rng(0).normal(1000, 150, 300).astype(int)
    assert not _samples(noise.tolist()).drifts


def test_few_samples_say_nothing_of_drift() -> None:
    few = _samples([1000] * 10 + [2000] * 10)
    assert few.drift is None
    assert not few.drifts


def test_dict_is_json_and_keeps_the_raw_samples() -> None:
    facts = json.loads(json.dumps(_samples([3, 1, 2]).summary().to_json(), allow_nan=False))
    assert facts["samples_ns"] == [3, 1, 2]
    assert facts["runs"] == 3
    assert facts["p99_ms"] is None


@pytest.mark.parametrize(("warmup", "min_runs"), [(-1, 1), (0, 0)])
def test_impossible_runs_are_refused(warmup: int, min_runs: int) -> None:
    with pytest.raises(InputError, match="numbers of runs"):
        time_callable(lambda: None, warmup=warmup, min_runs=min_runs, seconds=0)


def test_real_clock_measures_a_real_wait() -> None:
    import time

    found = time_callable(lambda: time.sleep(0.002), warmup=1, min_runs=5, seconds=0)
    assert 2.0 <= found.p50_ms < 50.0
