"""Sources: they yield frames with a position, a name and a time, or why a frame is missing."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edgefit.runtime.walking import PassedOver
from edgefit.spec import Frame


@dataclass(frozen=True)
class SourceFrame:
    """One frame of a source, or why it is missing.

    Attributes:
        index: Position in the source, from 0.
        name: The file's path below the folder, the file's name, or ``clip.mp4#12`` in a video.
        time_s: Seconds from a video's beginning; None for images.
        frame: ``uint8`` (H, W, 3) RGB, or None where it cannot be read.
        error: Why the frame is missing, or None.
        path: The file.
        notes: What is worth knowing about a frame that was read all the same, one sentence each.
        source: The source's name, where there are several.
        arrived_at: Wall-clock time at which a live source, a pipe, an iterator or a followed folder
            gave the frame, seconds since 1970; None for files.
        arrived_monotonic_s: The same on the monotonic clock of this process; for files, when they
            were read.
        dropped: Frames that this source gave before and that were dropped.
    """

    index: int
    name: str
    time_s: float | None
    frame: Frame | None
    error: str | None
    path: Path | None
    notes: tuple[str, ...] = ()
    source: str = ""
    arrived_at: float | None = None
    arrived_monotonic_s: float = field(default_factory=time.monotonic)
    dropped: int = 0


@dataclass(frozen=True)
class PendingFrame:
    """A frame whose name is known before it is decoded; call it to decode it.

    Attributes:
        name: The frame's name.
        decode: Gives the frame; it may be called in any thread, once.
    """

    name: str
    decode: Callable[[], SourceFrame]

    def __call__(self) -> SourceFrame:
        """Decode it."""
        return self.decode()


class FrameSource(ABC):
    """Frames in a fixed order. A source of files may be iterated more than once."""

    name: str = ""
    repeatable: bool = False
    """Whether the same frames have the same names the next time the source is opened."""
    live: bool = False
    """Whether frames come at the source's own pace, like those of a camera."""

    @property
    @abstractmethod
    def len_hint(self) -> int | None:
        """How many frames to expect, for a progress bar; None where it is unknown."""

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """Entries of a folder or matches of a glob that are not read, and why."""
        return ()

    @abstractmethod
    def __iter__(self) -> Iterator[SourceFrame]:
        """Yield the frames, starting with the first."""

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """The frames of :meth:`__iter__`, decoded only when they are called, in any thread."""
        for frame in self:
            yield PendingFrame(frame.name, partial(_itself, frame))

    def stop(self) -> None:  # noqa: B027 - most sources need not do anything
        """End the iteration soon; called from another thread."""


def _itself(frame: SourceFrame) -> SourceFrame:
    return frame
