"""What figures are made of: a rate, percentiles and a histogram, each in bounded memory."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of a histogram, seconds."""
WINDOW_S = 10.0
"""A rate is a mean over this time."""
_SLOT_S = 0.5
_KEPT = 1000


class Rate:
    """Events per second over the last ten seconds, counted in slots of half a second.

    Args:
        now: Seconds on the clock that :meth:`add` uses; the counting begins here.
    """

    def __init__(self, now: float) -> None:
        self._began = now
        self._slots: deque[tuple[int, int]] = deque(maxlen=math.ceil(WINDOW_S / _SLOT_S) + 1)

    def add(self, now: float) -> None:
        """Count an event."""
        slot = int(now / _SLOT_S)
        if self._slots and self._slots[-1][0] == slot:
            self._slots[-1] = (slot, self._slots[-1][1] + 1)
        else:
            self._slots.append((slot, 1))

    def per_second(self, now: float) -> float:
        """Events per second; the oldest slot may lie in the window in part, an error below 5 %."""
        first = int((now - WINDOW_S) / _SLOT_S) + 1
        count = sum(number for slot, number in self._slots if slot >= first)
        since = max(first * _SLOT_S, self._began)
        return count / max(now - since, _SLOT_S)


@dataclass(frozen=True)
class Spread:
    """Percentiles of the newest values.

    Attributes:
        p50: The median.
        p99: 99 of 100 values are at most this.
    """

    p50: float
    p99: float


class Newest:
    """The newest 1000 values; their percentiles are exact (nearest rank)."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=_KEPT)

    def add(self, value: float) -> None:
        """Keep a value."""
        self._values.append(value)

    def spread(self) -> Spread | None:
        """The percentiles; None without values."""
        ordered = sorted(self._values)
        if not ordered:
            return None
        ranks = (math.ceil(share * len(ordered)) - 1 for share in (0.5, 0.99))
        return Spread(*(ordered[rank] for rank in ranks))


@dataclass(frozen=True)
class Buckets:
    """A histogram at one moment.

    Attributes:
        cumulative: Values at most each of ``BOUNDS_S``.
        count: All values.
        total: Their sum.
    """

    cumulative: Sequence[int]
    count: int
    total: float


@dataclass
class Histogram:
    """Counts values by ``BOUNDS_S``; the counts are exact, values inside a bucket are not kept."""

    _counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _total: float = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(BOUNDS_S, value)] += 1
        self._total += value

    def buckets(self) -> Buckets:
        """The histogram now."""
        cumulative = list(accumulate(self._counts))
        return Buckets(tuple(cumulative[:-1]), cumulative[-1], self._total)
