"""A live source read in a thread, with all that it gives and tells, for tests that wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from edgefit.runtime.sources import FrameSource, SourceFrame, SourceOptions, open_source

QUICK = SourceOptions(open_timeout_s=2.0, read_timeout_s=0.6, give_up_s=30.0)


class Watched:
    """What a source has given so far."""

    def __init__(self, text: str, options: SourceOptions = QUICK) -> None:
        self.told: list[str] = []
        self.frames: list[SourceFrame] = []
        self.ended: BaseException | None = None
        self.source: FrameSource = open_source(
            text, options=replace(options, tell=self.told.append)
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for frame in self.source:
                self.frames.append(frame)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.ended = error

    def wait_for(self, frames: int, within_s: float = 15.0) -> list[SourceFrame]:
        """At least this many frames."""
        until = time.monotonic() + within_s
        while len(self.frames) < frames and self.running and time.monotonic() < until:
            time.sleep(0.005)
        assert len(self.frames) >= frames, (len(self.frames), self.told, self.ended)
        return self.frames

    def wait_for_end(self, within_s: float = 15.0) -> BaseException | None:
        """The error that ended the source, or None."""
        self._thread.join(within_s)
        assert not self.running
        return self.ended

    @property
    def running(self) -> bool:
        """Whether it still reads."""
        return self._thread.is_alive()

    def stop(self) -> float:
        """Stop the source; seconds until it has ended."""
        began = time.monotonic()
        self.source.stop()
        self._thread.join(10)
        return time.monotonic() - began


@contextmanager
def watched(text: str, options: SourceOptions = QUICK) -> Iterator[Watched]:
    """A source that is read while the block runs."""
    running = Watched(text, options)
    try:
        yield running
    finally:
        assert running.stop() < 1.0, "stop() took longer than a second"
