"""A live source that comes back: it reconnects with back-off, and ends where it stays away."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from edgefit.errors import FrameError, InputError, SourceLostError
from edgefit.runtime.sources.connection import Connection, StreamLost
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.reader import Arrival, Reader
from edgefit.runtime.sources.source import FrameSource, SourceFrame

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
_JITTER = 0.25
_STEADY_S = 10.0
"""A connection that lasted this long makes the next wait short again."""
_JOIN_S = 0.5
"""Most readers end within this: a camera is free again before it is opened again."""
_MOST_HANGING = 4
"""Threads left behind in a driver's call. No further one is started until one of them ends."""


def waits() -> Iterator[float]:
    """Seconds to wait before each attempt: they double, and differ at random.

    The jitter keeps the sources of a line from knocking at the same moment after a power cut.
    """
    wait = FIRST_WAIT_S
    while True:
        yield wait * random.uniform(1 - _JITTER, 1 + _JITTER)
        wait = min(2 * wait, LONGEST_WAIT_S)


class ReconnectingSource(FrameSource):
    """Frames of a camera or a stream, over as many connections as it takes.

    The index counts on over all connections. ``time_s`` is the presentation time, moved so that it
    also goes on over them. A frame that cannot be decoded has an error, and reading goes on.

    Args:
        name: What messages and records call the source; without a password.
        connect: Opens a connection; raises StreamLost where another attempt may succeed, and
            InputError where the source refuses. A refusal ends the source, unless it gave frames
            before: then it is tried again, since a camera that starts may refuse for a while.
        options: Timeouts, the time to give up after, and whom to tell.
    """

    live = True

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        options: SourceOptions,
    ) -> None:
        self.name = name
        self._connect, self._options = connect, options
        self._stopped = threading.Event()
        self._reader: Reader | None = None
        self._hanging: list[Reader] = []
        self._index = 0
        self._clock = _Clock()
        self._away_since: float | None = time.monotonic()
        self._told = False

    @property
    def len_hint(self) -> None:
        """Unknown: a live source has no end."""
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def stop(self) -> None:
        """End within a second. A driver's call that cannot be interrupted is left to its thread."""
        self._stopped.set()
        reader = self._reader
        if reader is not None:
            reader.abandon()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """Each frame as it comes.

        Raises:
            SourceLostError: The source stayed away for longer than ``give_up_s``.
            InputError: It refused before its first frame: a wrong password, not an image.
        """
        self._away_since = time.monotonic()
        waiting = waits()
        while not self._stopped.is_set():
            started = time.monotonic()
            try:
                yield from self._one_connection()
            except StreamLost as lost:
                self._note_lost(lost.reason)
            except InputError as refused:
                if self._index == 0:
                    raise
                self._note_lost(_as_reason(refused))
            if self._away_since is None or self._stopped.is_set():
                return
            if self._away_since - started > _STEADY_S:
                waiting = waits()
            left = self._options.give_up_s - (time.monotonic() - self._away_since)
            self._stopped.wait(max(0.0, min(next(waiting), left)))

    def _one_connection(self) -> Iterator[Callable[[], SourceFrame]]:
        self._hanging = [reader for reader in self._hanging if reader.alive]
        if len(self._hanging) >= _MOST_HANGING:
            raise StreamLost("earlier attempts still hang in the driver")
        options = self._options
        reader = Reader(
            self._connect,
            self.name,
            options.open_timeout_s,
            options.read_timeout_s,
        )
        self._reader = reader
        self._clock.restart()
        try:
            # stop() may have come just before the reader was there to be abandoned
            while not self._stopped.is_set() and (arrival := reader.next()) is not None:
                self._note_back()
                yield partial(_decoded, self._numbered(arrival), arrival)
        finally:
            reader.abandon()
            reader.join(_JOIN_S)
            self._hanging.append(reader)

    def _numbered(self, arrival: Arrival) -> SourceFrame:
        index, self._index = self._index, self._index + 1
        return SourceFrame(
            index=index,
            name=f"{self.name}#{index}",
            time_s=self._clock.time_s(arrival),
            frame=None,
            error=None,
            path=None,
            arrived_at=arrival.at,
            arrived_monotonic_s=arrival.monotonic_s,
        )

    def _note_lost(self, reason: str) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since >= self._options.give_up_s:
            raise SourceLostError(
                "The live source stayed away for too long.",
                path=self.name,
                found=reason,
                expected=f"a frame within {self._options.give_up_s:g} s",
                remedy="check the camera, its cable and its network",
            )
        if not self._told:
            self._told = True
            verb = "is lost" if self._index else "is not there"
            self._options.tell(f"{self.name} {verb}: {reason}. Trying again.")

    def _note_back(self) -> None:
        if self._told and self._away_since is not None:
            after = time.monotonic() - self._away_since
            verb = "is back" if self._index else "is there"
            self._options.tell(f"{self.name} {verb} after {after:.1f} s.")
        self._told, self._away_since = False, None


class _Clock:
    """Presentation times that go on over connections, each of which counts from its own start."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._offset_s: float | None = None
        self._latest_s = 0.0

    def restart(self) -> None:
        """A new connection: its times have another beginning."""
        self._offset_s = None

    def time_s(self, arrival: Arrival) -> float | None:
        """Seconds since the first frame of the source."""
        stated = arrival.shot.time_s
        if self._began is None:
            self._began = arrival.monotonic_s
        if stated is None:
            return None
        if self._offset_s is None:
            passed = max(arrival.monotonic_s - self._began, self._latest_s)
            self._offset_s = passed - stated
        self._latest_s = max(self._latest_s, stated + self._offset_s)
        return stated + self._offset_s


def _decoded(numbered: SourceFrame, arrival: Arrival) -> SourceFrame:
    try:
        image = arrival.shot.decode()
    except FrameError as error:
        return replace(numbered, error=error.message)
    return replace(numbered, frame=image.frame, notes=tuple(note.text for note in image.notes))


def _as_reason(error: InputError) -> str:
    words = error.message.rstrip(".")
    return words[0].lower() + words[1:]
