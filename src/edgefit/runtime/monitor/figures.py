"""Running figures of a stream: rates, latency, age, queues, drops, decisions.

:class:`Figures` is told each answer and reads the queues of the stream. Any thread may read it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.feeds import Feed
from edgefit.runtime.monitor.measures import Buckets, Histogram, Newest, Rate, Spread

LAST = 5
"""Decisions that are kept."""
OTHERS = "(others)"
_MOST_DECISIONS = 200


class Running(Protocol):
    """What is read of a stream."""

    @property
    def feeds(self) -> Sequence[Feed]:
        """The feeds."""
        ...

    @property
    def under_way(self) -> int:
        """Frames that are taken and not answered."""
        ...


@dataclass(frozen=True)
class SourceFigures:
    """One source at one moment.

    Attributes:
        name: Of the source.
        live: Whether it gives frames at its own pace.
        waits: Whether it may have nothing to give for any time, like a folder that is followed.
        state: ``running``, ``ended`` or ``lost``.
        answered: Frames with a prediction.
        errors: Frames with an error.
        dropped: Frames that nobody asked for in time.
        depth: Frames that are ready.
        per_second: Frames answered per second, errors included, over the last ten seconds.
        since_s: Seconds since the last answer, or since the start.
        has_frames: Whether there was an answer.
        took: Seconds from taking a frame to its answer, the newest 1000.
        age: Seconds from a frame's arrival to its answer, the newest 1000.
        took_buckets: The former, all, as a histogram.
        age_buckets: The latter, all, as a histogram.
    """

    name: str
    live: bool
    waits: bool
    state: str
    answered: int
    errors: int
    dropped: int
    depth: int
    per_second: float
    since_s: float
    has_frames: bool
    took: Spread | None
    age: Spread | None
    took_buckets: Buckets
    age_buckets: Buckets

    @property
    def frames(self) -> int:
        """Frames with a prediction or an error."""
        return self.answered + self.errors


@dataclass(frozen=True)
class Snapshot:
    """A stream at one moment.

    Attributes:
        sources: Each source, in order.
        under_way: Frames that are taken and not answered.
        decisions: How often each decision was made; from the 200th on as ``(others)``.
        last: The last decisions, newest first: name of the frame, decision or error.
        good_share: Share of the predictions that say *good*, ``unsure`` counted as not good; None
            where the rule does not tell good from defect, and without predictions.
        origin: What gave the last answer; None where a plain function did.
        since_s: Seconds since the last answer of any source, or since the start.
    """

    sources: Sequence[SourceFigures]
    under_way: int
    decisions: Mapping[str, int]
    last: Sequence[tuple[str, str]]
    good_share: float | None
    origin: Origin | None
    since_s: float

    @property
    def frames(self) -> int:
        """Frames of all sources with a prediction or an error."""
        return sum(source.frames for source in self.sources)

    @property
    def has_frames(self) -> bool:
        """Whether there was an answer."""
        return any(source.has_frames for source in self.sources)


class Figures:
    """The figures of one stream.

    Args:
        running: The stream.
        good: The decision of a good part, see :attr:`edgefit.spec.Rule.good`.
        origin: What answers at first.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        running: Running,
        *,
        good: str | None = None,
        origin: Origin | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._running, self._good, self._clock = running, good, clock
        self._lock = threading.Lock()
        now = clock()
        # Each has a name of its own: where there are several, the names are checked.
        self._sources = {feed.source.name: _Source(feed, now) for feed in running.feeds}
        self._decisions: Counter[str] = Counter()
        self._last: deque[tuple[str, str]] = deque(maxlen=LAST)
        self._origin, self._latest = origin, now

    def passing(self, answers: Iterator[Answer]) -> Iterator[Answer]:
        """The answers, each noted on its way."""
        for answer in answers:
            self.take(answer)
            yield answer

    def take(self, answer: Answer) -> None:
        """Note an answer."""
        prediction, frame = answer.prediction, answer.frame
        with self._lock:
            self._latest = self._clock()
            self._source_of(answer).take(answer, self._latest)
            if prediction is not None:
                self._decisions[self._counted_as(prediction.decision)] += 1
                self._origin = answer.origin
            said = str(frame.error) if prediction is None else prediction.decision
            self._last.appendleft((frame.name, said))

    def read(self) -> Snapshot:
        """The figures now."""
        with self._lock:
            now = self._clock()
            decided = self._decisions.total()
            share = self._decisions[self._good] / decided if self._good and decided else None
            return Snapshot(
                sources=[source.read(now) for source in self._sources.values()],
                under_way=self._running.under_way,
                decisions=dict(self._decisions.most_common()),
                last=tuple(self._last),
                good_share=share,
                origin=self._origin,
                since_s=now - self._latest,
            )

    def _source_of(self, answer: Answer) -> _Source:
        # With one source, a record need not name it.
        found = self._sources.get(answer.frame.source)
        return found or next(iter(self._sources.values()))

    def _counted_as(self, decision: str) -> str:
        # A task may decide by free text; memory stays bounded all the same.
        known = decision in self._decisions or len(self._decisions) < _MOST_DECISIONS
        return decision if known or decision == self._good else OTHERS


class _Source:
    def __init__(self, feed: Feed, now: float) -> None:
        self._feed = feed
        self._waits = not feed.source.live and feed.source.len_hint is None
        self._answered = self._errors = 0
        self._rate, self._latest = Rate(now), now
        self._took, self._age = Newest(), Newest()
        self._took_histogram, self._age_histogram = Histogram(), Histogram()

    def take(self, answer: Answer, now: float) -> None:
        self._answered += answer.prediction is not None
        self._errors += answer.prediction is None
        self._rate.add(now)
        self._latest = now
        self._took.add(answer.took_s)
        self._took_histogram.add(answer.took_s)
        self._age.add(answer.age_s)
        self._age_histogram.add(answer.age_s)

    def read(self, now: float) -> SourceFigures:
        feed = self._feed
        return SourceFigures(
            name=feed.source.name,
            live=feed.source.live,
            waits=self._waits,
            state="lost" if feed.lost else "ended" if feed.ended else "running",
            answered=self._answered,
            errors=self._errors,
            dropped=feed.dropped,
            depth=feed.depth,
            per_second=self._rate.per_second(now),
            since_s=now - self._latest,
            has_frames=self._answered + self._errors > 0,
            took=self._took.spread(),
            age=self._age.spread(),
            took_buckets=self._took_histogram.buckets(),
            age_buckets=self._age_histogram.buckets(),
        )
