"""Frames from a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.sources.containers import read_extent
from edgefit.runtime.sources.frame_account import FrameAccount
from edgefit.runtime.sources.frame_times import FrameTimes
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.sources.unopened import require_readable, unopened
from edgefit.runtime.sources.video_capture import codec_of, count_packets, open_capture
from edgefit.spec import Frame

_CONTAINERS = [
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".avi", ".divx", ".mkv", ".webm", ".gif"),
    *(".ts", ".m2ts", ".mts", ".m2t", ".mpg", ".mpeg", ".mpe", ".vob", ".mod", ".tod"),
    *(".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".mxf", ".dv", ".ivf"),
]
_BARE_STREAMS = [
    *(".h264", ".264", ".avc", ".h265", ".265", ".hevc", ".m1v", ".m2v", ".mjpeg", ".mjpg"),
    *(".obu", ".y4m"),
]
VIDEO_SUFFIXES = frozenset([*_CONTAINERS, *_BARE_STREAMS])
"""File name extensions, lower case, that are read as videos."""

_LINES_IN_A_ROW = 100
"""Damaged frames in a row that get a line each; more of them share one."""
_TRIES = 256
"""Packets that may fail in a row before the packets of the file are counted."""
_LONGEST_S = 1e7


def open_video(text: str, options: SourceOptions) -> VideoSource:
    """A video file."""
    return VideoSource(Path(text))


class VideoSource(FrameSource):
    """Frames of a video file, in presentation order, rotated as the file states.

    A frame that cannot be decoded is an error in its place, and reading goes on behind it. Frames
    that the decoder leaves out without a word, and frames behind a cut-off end, share one error
    after the last frame. Damage that FFmpeg conceals within a frame (H.264, H.265, MPEG-4) cannot
    be seen through OpenCV.

    Raises:
        InputError: The video cannot be opened; the message says why.
    """

    repeatable = True

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
        account = FrameAccount(FrameTimes(float(capture.get(cv2.CAP_PROP_FPS))), codec_of(capture))
        index = 0
        try:
            while self._grab(capture, account):
                decoder_s = _time_of(capture)
                frame, error = _retrieve(capture)
                damaged = account.damaged_before(decoder_s)
                for line in _lines(damaged):
                    yield self._at(index, None, None, line)
                    index += 1
                yield self._at(index, account.times.advance(decoder_s, damaged), frame, error)
                index += 1
        finally:
            capture.release()
        if (missing := self._at_the_end(account)) is not None:
            yield self._at(index, None, None, missing)

    def _grab(self, capture: Any, account: FrameAccount) -> bool:
        """Go to the next frame that can be decoded; False at the end of the file."""
        failures, most = 0, _TRIES
        while failures < most:
            if capture.grab():
                account.pending += failures
                return True
            failures += 1
            if failures == _TRIES:
                held = count_packets(self._path) or 0
                most = max(_TRIES, held - account.handled)
        return False

    def _at_the_end(self, account: FrameAccount) -> str | None:
        extent = read_extent(self._path)
        if not account.is_suspicious(self._stated, extent):
            return None
        held = extent.frames
        if held is None and not extent.is_trimmed:
            held = count_packets(self._path)
        lost = account.lost(held, self._stated, extent)
        if lost:
            total = account.handled + lost
            return f"{lost} of {total} frames {'is' if lost == 1 else 'are'} damaged or cut off."
        if extent.is_cut and extent.frames is not None:
            return None  # only sound or an index is lacking
        if extent.cut_bytes:
            return f"The file is cut off: it lacks {extent.cut_bytes} bytes at its end."
        if extent.is_cut:
            return "The file is cut off."
        if extent.broken_at is not None:
            return f"The file is damaged at byte {extent.broken_at}; frames may be missing."
        return None if account.handled else "No frame of the video can be decoded."

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
