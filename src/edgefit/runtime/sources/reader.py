"""A thread that opens one connection and reads it, watched from outside.

A decoder or a driver can block for as long as it likes, so the thread that waits for its frames is
another one. It abandons a reader that hangs; such a thread ends when its call returns.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edgefit.errors import InputError
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost

_AHEAD = 2
"""Frames that wait for whoever takes them; then the reader waits too."""


@dataclass(frozen=True)
class Arrival:
    """A frame and when it came.

    Attributes:
        shot: The frame.
        at: Wall clock, seconds since 1970.
        monotonic_s: The same on the monotonic clock.
    """

    shot: Shot
    at: float
    monotonic_s: float


class Reader:
    """Reads one connection in a daemon thread.

    Args:
        connect: Opens the connection; it runs in the thread too.
        name: Of the source.
        open_timeout_s: How long it may take from the start to the first frame, beside
            ``read_timeout_s``.
        read_timeout_s: How long it may give nothing.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        name: str,
        open_timeout_s: float,
        read_timeout_s: float,
    ) -> None:
        self._connect = connect
        self._open_timeout_s, self._read_timeout_s = open_timeout_s, read_timeout_s
        self._changed = threading.Condition()
        self._waiting: deque[Arrival] = deque()
        self._ended: BaseException | None = None
        self._abandoned = False
        self._connection: Connection | None = None
        self._life = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"reader {name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    def next(self) -> Arrival | None:
        """Wait for the next frame; None after :meth:`abandon`.

        Raises:
            StreamLost: The connection ended, failed, or gives nothing.
            InputError: The source refuses for a reason that another attempt does not change.
        """
        entered = time.monotonic()
        with self._changed:
            while not self._abandoned:
                if self._waiting:
                    self._changed.notify_all()
                    return self._waiting.popleft()
                if self._ended is not None:
                    raise self._ended
                left = max(self._life, entered) + self._patience_s - time.monotonic()
                if left <= 0:
                    raise StreamLost(self._silence)
                self._changed.wait(left)
        return None

    def abandon(self) -> None:
        """Let the thread end as soon as it can; called from any thread."""
        with self._changed:
            self._abandoned = True
            connection = self._connection
            self._changed.notify_all()
        if connection is not None:
            connection.interrupt()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    @property
    def _patience_s(self) -> float:
        if self._connection is None:
            return self._open_timeout_s + self._read_timeout_s
        return self._read_timeout_s + self._connection.pause_s

    @property
    def _silence(self) -> str:
        if self._connection is None:
            return f"it does not open within {self._patience_s:g} s"
        return f"it gave no frame for {self._patience_s:g} s"

    def _run(self) -> None:
        ended: BaseException = StreamLost("it was closed")
        try:
            connection = self._connect()
            try:
                self._take_over(connection)
                while not self._abandoned and self._hand_on(connection.read()):
                    pass
            finally:
                connection.close()
        except (StreamLost, InputError) as error:
            ended = error
        except BaseException as error:  # noqa: BLE001 - raised again by next()
            ended = error
        with self._changed:
            self._ended = ended
            self._changed.notify_all()

    def _take_over(self, connection: Connection) -> None:
        with self._changed:
            self._connection = connection
            self._life = time.monotonic()
            self._changed.notify_all()

    def _hand_on(self, shot: Shot | None) -> bool:
        """Whether to read on."""
        at, now = time.time(), time.monotonic()
        with self._changed:
            self._life = now
            if shot is not None:
                self._changed.wait_for(lambda: self._abandoned or len(self._waiting) < _AHEAD)
                self._waiting.append(Arrival(shot, at, now))
                self._changed.notify_all()
            return not self._abandoned
