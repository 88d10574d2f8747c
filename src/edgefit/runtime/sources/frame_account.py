"""The account of a video: frames read, frames reported as damaged, frames that never appeared."""

from __future__ import annotations

from edgefit.runtime.sources.containers import Extent
from edgefit.runtime.sources.frame_times import FrameTimes

_FIELD_CODECS = frozenset(["H264", "h264", "avc1", "X264", "x264", "MPG2", "mpg2"])
_UNKNOWN_END = 1 << 62


class FrameAccount:
    """What happened to the frames of a video so far.

    Attributes:
        times: Of the frames that were decoded.
        pending: Frames that failed and have no place yet. A decoder fails where a frame enters it,
            some frames before the gap appears where it leaves.
        reported: Damaged frames that have an error in their place.
    """

    def __init__(self, times: FrameTimes, codec: str) -> None:
        self.times = times
        self.pending = 0
        self.reported = 0
        self._codec = codec

    @property
    def handled(self) -> int:
        """Frames that were decoded or have an error in their place."""
        return self.times.frames + self.reported

    def damaged_before(self, decoder_s: float) -> int:
        """How many of the pending frames belong directly before a frame with this time.

        OpenCV also fails after 512 packets of sound in a row; there, no frame is missing.
        """
        has_times = self.times.is_timed or decoder_s > 0
        fits = self.times.gap_before(decoder_s) if has_times else self.pending
        damaged = min(self.pending, fits)
        self.pending -= damaged
        self.reported += damaged
        return damaged

    def is_suspicious(self, stated: int, extent: Extent) -> bool:
        """Whether anything suggests that frames are missing."""
        return (
            self.pending > 0
            or self.times.skipped > 0
            or not 0 < stated <= self.handled
            or extent.is_cut
            or extent.broken_at is not None
            or (extent.frames is not None and extent.frames > self.handled)
        )

    def lost(self, held: int | None, stated: int, extent: Extent) -> int:
        """Frames that the file holds or should hold, and that were neither read nor reported.

        Args:
            held: Frames in the file; None where that is unknown.
            stated: The capture's number of frames.
            extent: What the container states.
        """
        if held is None or self._counts_fields(held):
            return self.pending
        lost = max(0, held - self.handled)
        if extent.is_cut and extent.frames is not None:
            return lost
        if not self.times.is_timed and self.times.frames > 1:
            return lost
        # A player shows no gap where the file holds frames that are never shown.
        return min(lost, max(self.pending, self._unshown(stated, extent)))

    def _unshown(self, stated: int, extent: Extent) -> int:
        end_s = extent.end_s
        if end_s is None:
            if stated <= 0 or extent.frames is not None:  # only the number says where it ends
                return _UNKNOWN_END
            end_s = stated * self.times.interval_s
        return self.times.skipped + self.times.missing_until(end_s)

    def _counts_fields(self, held: int) -> bool:
        # Interlaced recordings may hold both fields of a frame one after the other.
        return self._codec in _FIELD_CODECS and 1.9 <= held / max(1, self.handled) <= 2.1
