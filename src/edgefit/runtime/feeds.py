"""Feeds: each reads one source in a thread of its own, so that decoding waits for nobody.

A feed hands frames on by one of two policies. ``every`` fills a bounded queue and then waits, so
nothing is lost and memory stays bounded. ``latest`` keeps one slot and always drains the source: a
frame that nobody took in time is dropped and counted, so that a slow model never causes a growing
delay.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edgefit.errors import EdgefitError
from edgefit.runtime.sources.source import FrameSource, SourceFrame


class Policy(StrEnum):
    """What happens to frames that arrive faster than they are answered.

    ``every``: the source waits, nothing is lost. ``latest``: stale frames are dropped and counted.
    """

    EVERY = "every"
    LATEST = "latest"


@dataclass(frozen=True)
class Taken:
    """A frame taken from a feed.

    Attributes:
        decode: Gives the frame; it may be called in any thread, once.
        dropped: Frames of this source that were dropped before it.
        source: Name of the source.
    """

    decode: Callable[[], SourceFrame]
    dropped: int
    source: str


class Feed:
    """Reads a source ahead of the predictor.

    Args:
        source: Where the frames come from.
        policy: ``every`` or ``latest``; by default what suits the source.
        ahead: How many frames ``every`` holds ready.
        wake: Notified when a frame is ready and when the source ends; shared by all feeds of a
            stream. Hold it to call :meth:`take` and to read ``ready`` and ``ended``.
    """

    def __init__(
        self,
        source: FrameSource,
        policy: Policy | None,
        ahead: int,
        wake: threading.Condition,
    ) -> None:
        self.source = source
        self.policy = policy or (Policy.LATEST if source.live else Policy.EVERY)
        self.ended = False
        self.lost: EdgefitError | None = None
        self.crash: BaseException | None = None
        self._ahead = ahead
        self._wake = wake
        self._waiting: deque[Callable[[], SourceFrame]] = deque()
        self._dropped = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._read, name=f"feed {source.name}", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether a frame can be taken."""
        return bool(self._waiting)

    @property
    def depth(self) -> int:
        """Frames that are ready."""
        return len(self._waiting)

    @property
    def dropped(self) -> int:
        """Frames dropped so far."""
        return self._dropped

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def take(self) -> Taken:
        """The next frame; call it only where one is ready."""
        decode = self._waiting.popleft()
        self._wake.notify_all()  # the reader may be waiting for room
        return Taken(decode, self._dropped, self.source.name)

    def stop(self) -> None:
        """Read no further; what is ready may still be taken."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        self.source.stop()

    def join(self, timeout: float) -> None:
        """Wait until the thread has ended; it is left behind if it hangs in a driver."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _read(self) -> None:
        try:
            for decode in self.source.pending():
                if not self._put(decode):
                    break
        except EdgefitError as error:
            self.lost = error
        except BaseException as error:  # noqa: BLE001 - raised again by the stream
            self.crash = error
        finally:
            with self._wake:
                self.ended = True
                self._wake.notify_all()

    def _put(self, decode: Callable[[], SourceFrame]) -> bool:
        """Whether to read on."""
        with self._wake:
            if self.policy is Policy.EVERY:
                self._wake.wait_for(lambda: self._stopped or len(self._waiting) < self._ahead)
            elif self._waiting:
                self._waiting.clear()
                self._dropped += 1
            if self._stopped:
                return False
            self._waiting.append(decode)
            self._wake.notify_all()
            return True
