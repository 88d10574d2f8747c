"""Sources: they yield frames with a position, a name and a time, or why a frame is missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
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
    """

    index: int
    name: str
    time_s: float | None
    frame: Frame | None
    error: str | None
    path: Path | None
    notes: tuple[str, ...] = ()


class FrameSource(ABC):
    """Frames in a fixed order. May be iterated more than once."""

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
