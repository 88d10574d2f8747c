"""Frames from a video file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from edgefit.errors import InputError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.spec import Frame

VIDEO_SUFFIXES = frozenset([".mp4", ".avi", ".mkv", ".mov", ".webm", ".gif"])
"""File name extensions, lower case, that are read as videos."""


_COUNT_IS_EXACT = frozenset([".avi", ".mp4", ".mov"])
"""Containers that state their number of frames; for all others it is duration times rate."""


def open_video(text: str, options: SourceOptions) -> VideoSource:
    """A video file."""
    return VideoSource(Path(text))


class VideoSource(FrameSource):
    """Frames of a video file, in presentation order, rotated as the file states.

    A frame that the decoder gives up on becomes an error at its position. Frames that the decoder
    silently skips, and frames after a cut-off end, become one error after the last frame.
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
        index = 0
        try:
            while capture.grab():
                time_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                frame, error = _retrieve(capture)
                yield self._at(index, time_s, frame, error)
                index += 1
        finally:
            capture.release()
        missing = self._stated - index
        if missing > (0 if self._path.suffix.lower() in _COUNT_IS_EXACT else self._stated // 50):
            error = f"{missing} of {self._stated} frames are damaged or cut off."
            yield self._at(index, None, None, error)

    def _at(
        self, index: int, time_s: float | None, frame: Frame | None, error: str | None
    ) -> SourceFrame:
        name = f"{self._path.name}#{index}"
        return SourceFrame(index, name, time_s, frame, error, self._path)

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(str(self._path))
        if not capture.isOpened():
            raise InputError(
                "The video cannot be opened.",
                path=self._path,
                expected="a video that OpenCV's FFmpeg decodes",
                remedy="convert it, for instance with `ffmpeg -i IN -c:v libx264 OUT.mp4`",
            )
        return capture


def _retrieve(capture: Any) -> tuple[Frame | None, str | None]:
    decoded, pixels = capture.retrieve()
    if not decoded or pixels is None:
        return None, "The frame is damaged."
    return as_frame(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)), None
