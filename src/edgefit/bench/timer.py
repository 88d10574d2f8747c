"""Time a callable and keep every sample. The timer knows nothing about models.

From MLPerf LoadGen (Reddi et al. 2020, MLPerf Inference Benchmark, ISCA): a minimum number of runs
*and* a minimum duration, and percentiles that are actual samples. From pyperf: warm-up is separate,
the garbage collector is off while timing, and a run that drifts is reported.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.records.benchmark import Timing

SAMPLES_FOR_P99 = 100
_DRIFT_THAT_COUNTS = 0.05
_RUNS_FOR_DRIFT = 30


@dataclass(frozen=True)
class TimingSamples:
    """Durations of single calls, in the order they were made.

    Attributes:
        samples_ns: ``int64`` (runs,), nanoseconds.
        warmup: Calls made before the first sample.
    """

    samples_ns: NDArray[np.int64]
    warmup: int

    def percentile_ms(self, percent: float) -> float:
        """The smallest sample that ``percent`` of all samples do not exceed, milliseconds."""
        return float(np.percentile(self.samples_ns, percent, method="inverted_cdf")) / 1e6

    @property
    def p50_ms(self) -> float:
        """Median, milliseconds."""
        return self.percentile_ms(50)

    @property
    def p90_ms(self) -> float:
        """90th percentile, milliseconds."""
        return self.percentile_ms(90)

    @property
    def p99_ms(self) -> float | None:
        """99th percentile, milliseconds; None below 100 samples, where it would be the maximum."""
        return self.percentile_ms(99) if self.samples_ns.size >= SAMPLES_FOR_P99 else None

    @property
    def spread(self) -> float:
        """Interquartile range over the median: 0.1 means that half the runs are within 10 %."""
        return _quartile_range(self.samples_ns) / float(np.median(self.samples_ns))

    @property
    def drift(self) -> float | None:
        """Change of the median from the first third to the last; None below 30 samples.

        It reveals heating, throttling and other load: 0.2 means 20 % slower at the end.
        """
        if self.samples_ns.size < _RUNS_FOR_DRIFT:
            return None
        first, last = self._thirds()
        return float(np.median(last) / np.median(first)) - 1

    @property
    def drifts(self) -> bool:
        """Whether the drift is over 5 % and more than the noise within a third."""
        if self.drift is None:
            return False
        noise = max(_quartile_range(part) / float(np.median(part)) for part in self._thirds())
        return abs(self.drift) > max(_DRIFT_THAT_COUNTS, noise)

    def summary(self) -> Timing:
        """Percentiles and the raw samples, as a record."""
        return Timing(
            runs=int(self.samples_ns.size),
            warmup=self.warmup,
            p50_ms=self.p50_ms,
            p90_ms=self.p90_ms,
            p99_ms=self.p99_ms,
            spread=self.spread,
            drift=self.drift,
            drifts=self.drifts,
            samples_ns=self.samples_ns.tolist(),
        )

    def _thirds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        third = self.samples_ns.size // 3
        return self.samples_ns[:third], self.samples_ns[-third:]


def time_callable(
    call: Callable[[], object],
    *,
    warmup: int,
    min_runs: int,
    seconds: float,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> TimingSamples:
    """Call repeatedly and time each call, until both limits are reached.

    Args:
        call: The callable to time; its result is dropped.
        warmup: Untimed calls before the first timed one.
        min_runs: Minimum number of timed calls.
        seconds: Minimum duration, counted from the first timed call.
        clock: Monotonic clock in nanoseconds.

    Raises:
        InputError: ``warmup`` is negative or ``min_runs`` below 1.
    """
    if warmup < 0 or min_runs < 1:
        raise InputError(
            "The numbers of runs are out of range.",
            expected="warmup >= 0 and min_runs >= 1",
            found=f"warmup {warmup}, min_runs {min_runs}",
        )
    for _ in range(warmup):
        call()
    samples: list[int] = []
    with _collector_held_off():
        start = clock()
        end = start + int(seconds * 1e9)
        stop = start
        while len(samples) < min_runs or stop < end:
            begin = clock()
            call()
            stop = clock()
            samples.append(stop - begin)
    return TimingSamples(np.array(samples, dtype=np.int64), warmup)


@contextmanager
def _collector_held_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _quartile_range(samples_ns: NDArray[np.int64]) -> float:
    low, high = np.percentile(samples_ns, [25, 75])
    return float(high - low)
