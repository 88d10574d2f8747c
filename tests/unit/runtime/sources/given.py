"""Sources made by hand, for the tests of feeds and streams."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np

from edgefit.errors import StageError
from edgefit.runtime.sources import FrameSource, SourceFrame
from edgefit.spec import Frame


class Given(FrameSource):
    """Frames given by hand; None is one that cannot be read."""

    def __init__(self, *frames: Frame | None, name: str = "given") -> None:
        self.frames, self.name = frames, name

    @property
    def len_hint(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, frame in enumerate(self.frames):
            error = "It is damaged." if frame is None else None
            yield SourceFrame(index, f"{index}.png", None, frame, error, None, source=self.name)


class Ticking(FrameSource):
    """A live source: a frame every few milliseconds, until it is stopped or its frames run out."""

    live = True

    def __init__(self, frames: int, interval_s: float, *, lost: bool = False) -> None:
        self.name = "camera"
        self.lost = lost
        self._frames, self._interval_s = frames, interval_s
        self._stop = threading.Event()

    @property
    def len_hint(self) -> None:
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        for index in range(self._frames):
            if self._stop.wait(self._interval_s):
                return
            level = np.full((2, 2, 3), index % 256, np.uint8)
            yield SourceFrame(
                index, f"camera#{index}", None, level, None, None, arrived_at=time.time()
            )
        if self.lost:
            raise StageError("The camera is lost.")

    def stop(self) -> None:
        self._stop.set()
