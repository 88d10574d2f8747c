"""What a container states about its video stream."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """What a container states; None where it does not state it or edgefit cannot tell.

    Attributes:
        frames: Frames of the video stream that a player shows; empty chunks are not counted.
        is_trimmed: Whether the file holds frames that a player does not show, so that their number
            says nothing.
        end_s: End of the video stream in seconds from its beginning.
        cut_bytes: How many bytes the container states beyond the end of the file.
        is_cut: Whether the file ends within an element of the container.
        broken_at: Position of bytes that do not belong to the container; None for a sound one.
    """

    frames: int | None = None
    is_trimmed: bool = False
    end_s: float | None = None
    cut_bytes: int = 0
    is_cut: bool = False
    broken_at: int | None = None


UNKNOWN = Extent()
