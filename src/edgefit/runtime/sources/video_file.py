"""Frames from a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.sources.containers import Extent, read_extent
from edgefit.runtime.sources.frame_times import FrameTimes
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.sources.unopened import require_readable, unopened
from edgefit.runtime.sources.video_capture import codec_of, count_packets, open_capture
from edgefit.spec import Frame

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .qt .3gp .3g2 .mj2 .avi .divx .mkv .webm .gif .ts .m2ts .mts .m2t .mpg .mpeg "
    ".mpe .m1v .m2v .vob .mod .tod .wmv .asf .flv .f4v .ogv .ogm .mxf .dv .h264 .264 .avc .h265 "
    ".265 .hevc .ivf .obu .mjpeg .mjpg .y4m".split()
)
"""File name extensions, lower case, that are read as videos."""

_LINES_IN_A_ROW = 100
"""Damaged frames in a row that get a line each; more of them share one."""
_TRIES = 256
"""Packets that may fail in a row before the packets of the file are counted."""
_LONGEST_S = 1e7
_FIELD_CODECS = frozenset(["H264", "h264", "avc1", "X264", "x264", "MPG2", "mpg2"])


class VideoSource(FrameSource):
    """Frames of a video file, in presentation order, rotated as the file states.

    A frame that cannot be decoded is an error in its place, and reading goes on behind it. Frames
    that the decoder leaves out without a word, and frames behind a cut-off end, share one error
    after the last frame. Damage that FFmpeg conceals within a frame (H.264, H.265, MPEG-4) cannot
    be seen through OpenCV.

    Raises:
        InputError: The video cannot be opened; the message says why.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        capture = self._open()
        self._stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()

    @property
    def len_hint(self) -> int | None:
        """The number of frames that the file states or its duration suggests."""
        return self._stated if self._stated > 0 else None

    def __iter__(self) -> Iterator[SourceFrame]:
        capture = self._open()
        reading = _Reading(FrameTimes(float(capture.get(cv2.CAP_PROP_FPS))), codec_of(capture))
        index = 0
        try:
            while self._grab(capture, reading):
                decoder_s = _time_of(capture)
                frame, error = _retrieve(capture)
                damaged = reading.damaged_before(decoder_s)
                for line in _lines(damaged):
                    yield self._at(index, None, None, line)
                    index += 1
                yield self._at(index, reading.times.advance(decoder_s, damaged), frame, error)
                index += 1
        finally:
            capture.release()
        if (line := self._at_the_end(reading)) is not None:
            yield self._at(index, None, None, line)

    def _grab(self, capture: Any, reading: _Reading) -> bool:
        """Go to the next frame that can be decoded; False at the end of the file."""
        failures, most = 0, _TRIES
        while failures < most:
            if capture.grab():
                reading.pending += failures
                return True
            failures += 1
            if failures == _TRIES:
                held = count_packets(self._path) or 0
                most = max(_TRIES, held - reading.handled)
        return False

    def _at_the_end(self, reading: _Reading) -> str | None:
        extent = read_extent(self._path)
        if not reading.is_suspicious(self._stated, extent):
            return None
        held = count_packets(self._path) if extent.frames is None else extent.frames
        lost = reading.lost(held, self._stated, extent)
        if lost:
            total = reading.handled + lost
            return f"{lost} of {total} frames {'is' if lost == 1 else 'are'} damaged or cut off."
        if extent.is_cut and extent.frames is not None:
            return None  # only sound or an index is lacking
        if extent.cut_bytes:
            return f"The file is cut off: it lacks {extent.cut_bytes} bytes at its end."
        if extent.is_cut:
            return "The file is cut off."
        if extent.broken_at is not None:
            return f"The file is damaged at byte {extent.broken_at}; frames may be missing."
        return None if reading.handled else "No frame of the video can be decoded."

    def _at(
        self, index: int, time_s: float | None, frame: Frame | None, error: str | None
    ) -> SourceFrame:
        name = f"{self._path.name}#{index}"
        return SourceFrame(index, name, time_s, frame, error, self._path)

    def _open(self) -> Any:
        require_readable(self._path)
        capture = open_capture(self._path)
        if not capture.isOpened():
            raise unopened(self._path)
        return capture


class _Reading:
    """What happened to the frames so far.

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
            if stated <= 0:  # nobody knows where the video ends
                return 1 << 62
            end_s = stated * self.times.interval_s
        return self.times.skipped + self.times.missing_until(end_s)

    def _counts_fields(self, held: int) -> bool:
        # Interlaced recordings may hold both fields of a frame one after the other.
        return self._codec in _FIELD_CODECS and 1.9 <= held / max(1, self.handled) <= 2.1


def _lines(damaged: int) -> list[str]:
    if damaged > _LINES_IN_A_ROW:
        return [f"{damaged} frames in a row cannot be decoded."]
    return ["The frame is damaged."] * damaged


def _time_of(capture: Any) -> float:
    """The decoder's time for the present frame in seconds; 0 where it has none."""
    time_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
    return time_s if 0 <= time_s < _LONGEST_S else 0.0


def _retrieve(capture: Any) -> tuple[Frame | None, str | None]:
    decoded, pixels = capture.retrieve()
    if not decoded or pixels is None:
        return None, "The frame is damaged."
    return as_frame(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), None
