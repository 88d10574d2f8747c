"""From sources through a predictor into sinks: the loop beside the camera.

Each source is read in a thread of its own (:mod:`edgefit.runtime.feeds`). Workers decode,
preprocess and predict: each takes one frame through all steps on one core, so no core waits for
another and no split between decoding and inference has to be chosen. Answers come in the order in
which frames were taken. A frame that cannot be read or predicted becomes a record with an error,
and the loop goes on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto

import cv2

from edgefit.errors import FrameError
from edgefit.progress import QUIET, Reporter
from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.faults import faults_of_a_frame, in_words
from edgefit.runtime.feeds import Feed, Policy, Taken
from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources.source import FrameSource
from edgefit.spec import Frame, Prediction

_AHEAD = 2
"""Frames for each worker that ``every`` holds ready, and that may wait for an earlier answer."""
_JOIN_S = 2.0


@dataclass(frozen=True)
class StreamCounts:
    """How many frames of a stream have a prediction, and how many an error.

    Attributes:
        answered: Frames with a prediction.
        unreadable: Frames with an error.
        noted: Frames with a note, answered or not.
        dropped: Frames of live sources that nobody asked for in time.
    """

    answered: int
    unreadable: int
    noted: int = 0
    dropped: int = 0


class Stream:
    """Answers of a predictor to the frames of one or more sources; an iterator.

    Args:
        predictor: Returns a prediction for a frame, like an open bundle. It is called from several
            threads where ``workers`` is above 1.
        sources: Where the frames come from.
        sinks: Open sinks; every answer is written to each before it is yielded. They stay open.
        policy: ``every`` or ``latest``; by default what suits each source.
        workers: Frames that are decoded and predicted at the same time.

    Raises:
        EdgefitError: From iterating, after all other sources have ended: a source was lost.
    """

    def __init__(
        self,
        predictor: Callable[[Frame], Prediction],
        sources: Sequence[FrameSource],
        sinks: Sequence[Sink] = (),
        *,
        policy: Policy | None = None,
        workers: int = 1,
    ) -> None:
        self._sinks, self._workers = sinks, workers
        self._answering = _Answering.by(predictor)
        self._wake = threading.Condition()
        self._feeds = [Feed(s, policy, _AHEAD * workers, self._wake) for s in sources]
        self._turn = 0
        self._answered = self._unreadable = self._noted = self._under_way = 0
        self._answers = self._run()

    @property
    def counts(self) -> StreamCounts:
        """The counts so far."""
        dropped = sum(feed.dropped for feed in self._feeds)
        return StreamCounts(self._answered, self._unreadable, self._noted, dropped)

    @property
    def feeds(self) -> Sequence[Feed]:
        """The feeds, in the order of the sources."""
        return self._feeds

    @property
    def under_way(self) -> int:
        """Frames that were taken from a feed and are not yet answered and written."""
        return self._under_way

    def swap(self, predictor: Callable[[Frame], Prediction]) -> None:
        """Let another predictor answer the frames that are taken from now on.

        No frame is lost, and no frame after one that the new predictor answers is answered by the
        old one. The sinks stay, so the predictor must answer in the same columns. Any thread may
        call it.
        """
        self._answering = _Answering.by(predictor)

    def __iter__(self) -> Iterator[Answer]:
        return self._answers

    def __next__(self) -> Answer:
        return next(self._answers)

    def stop(self) -> None:
        """Take no more frames; the iterator ends after the answers that are under way."""
        for feed in self._feeds:
            feed.stop()

    def close(self) -> None:
        """End at once: frames that are taken but not answered get no answer."""
        self._answers.close()

    def _run(self) -> Generator[Answer]:
        running: deque[Future[Answer]] = deque()
        with _one_opencv_thread(self._workers > 1), ThreadPoolExecutor(self._workers) as pool:
            try:
                for feed in self._feeds:
                    feed.start()
                while (step := self._next_step(running)) is not _Step.END:
                    if isinstance(step, Taken):
                        self._under_way += 1
                        future = pool.submit(self._answer, step, self._answering)
                        future.add_done_callback(self._notify)
                        running.append(future)
                    else:
                        yield self._written(running.popleft().result())
            finally:
                self.stop()
                pool.shutdown(cancel_futures=True)
                for feed in self._feeds:
                    feed.join(_JOIN_S)
        for feed in self._feeds:
            if feed.lost is not None:
                raise feed.lost

    def _next_step(self, running: deque[Future[Answer]]) -> Taken | _Step:
        """Wait until a frame can be taken, the oldest answer is there, or all is done."""
        with self._wake:
            while True:
                crashed = next((feed.crash for feed in self._feeds if feed.crash), None)
                if crashed is not None:
                    raise crashed
                # A live frame goes first: it grows stale. For files, writing goes first, since
                # frames that are taken already keep the workers busy.
                taken = self._take(Policy.LATEST, running)
                if taken is None and running and running[0].done():
                    return _Step.WRITE
                taken = taken or self._take(Policy.EVERY, running)
                if taken is not None:
                    return taken
                if not running and all(feed.ended for feed in self._feeds):
                    return _Step.END
                self._wake.wait()

    def _take(self, policy: Policy, running: deque[Future[Answer]]) -> Taken | None:
        """A frame of the next feed in turn, where there is room for one of this policy."""
        if policy is Policy.LATEST:
            room = sum(not future.done() for future in running) < self._workers
        else:
            room = len(running) < (1 + _AHEAD) * self._workers
        for offset in range(len(self._feeds) if room else 0):
            feed = self._feeds[(self._turn + offset) % len(self._feeds)]
            if feed.policy is policy and feed.ready:
                self._turn += offset + 1
                return feed.take()
        return None

    def _notify(self, _: Future[Answer]) -> None:
        with self._wake:
            self._wake.notify_all()

    def _answer(self, taken: Taken, answering: _Answering) -> Answer:
        began = time.monotonic()
        shot = taken.decode()
        name = taken.source if len(self._feeds) > 1 or shot.arrived_at is not None else shot.source
        shot = replace(shot, dropped=taken.dropped, source=name)
        prediction = None
        if shot.frame is not None:
            try:
                prediction = answering.predictor(shot.frame)
            except FrameError as error:
                shot = replace(shot, frame=None, error=error.message)
            except faults_of_a_frame() as error:
                shot = replace(shot, frame=None, error=in_words(error))
        now = time.monotonic()
        return Answer(
            shot,
            prediction,
            answering.origin,
            age_s=now - shot.arrived_monotonic_s,
            took_s=now - began,
        )

    def _written(self, answer: Answer) -> Answer:
        for sink in self._sinks:
            sink.write(answer)
        self._answered += answer.prediction is not None
        self._unreadable += answer.prediction is None
        self._noted += bool(answer.frame.notes)
        self._under_way -= 1
        return answer


@dataclass(frozen=True)
class _Answering:
    """A predictor with its origin, so that both are exchanged at once."""

    predictor: Callable[[Frame], Prediction]
    origin: Origin | None

    @classmethod
    def by(cls, predictor: Callable[[Frame], Prediction]) -> _Answering:
        return cls(predictor, getattr(predictor, "origin", None))


class _Step(Enum):
    WRITE = auto()
    END = auto()


@contextmanager
def _one_opencv_thread(wanted: bool) -> Iterator[None]:
    """Each worker is one thread; OpenCV's own threads would compete with the workers."""
    if not wanted:
        yield
        return
    former = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(former)


def stream(
    predictor: Callable[[Frame], Prediction],
    source: FrameSource,
    sinks: Sequence[Sink],
    *,
    reporter: Reporter = QUIET,
) -> StreamCounts:
    """Predict every frame of a source and pass each to every sink, in order.

    Args:
        predictor: Returns a prediction for a frame, like an open bundle.
        source: Yields the frames.
        sinks: Open sinks; they stay open.
        reporter: Where progress goes.

    Returns:
        How many frames have a prediction, how many do not, and how many have notes.
    """
    running = Stream(predictor, [source], sinks)
    for _ in reporter.track(running, "predicting", total=source.len_hint):
        pass
    return running.counts
