"""Where frames come from: an image, a folder, a glob, a video. A bad frame never stops the rest."""

from __future__ import annotations

import glob
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from edgefit.errors import FrameError, InputError
from edgefit.runtime.decode import IMAGE_SUFFIXES, decode_image
from edgefit.runtime.frames import as_frame
from edgefit.spec import Frame, InputSpec

VIDEO_SUFFIXES = frozenset([".mp4", ".avi", ".mkv", ".mov", ".webm", ".gif"])
"""File name endings, lower case, that are read as videos."""

_COUNT_IS_EXACT = frozenset([".avi", ".mp4", ".mov"])
"""Containers that state their number of frames; for the others it is duration times rate."""


@dataclass(frozen=True)
class SourceFrame:
    """One frame of a source, or why it is missing.

    Attributes:
        index: Position in the source, from 0.
        name: The file's path below the folder, the file's name, or ``clip.mp4#12`` in a video.
        time_s: Seconds from a video's beginning; None for images.
        frame: ``uint8`` (H, W, 3) RGB, or None where it cannot be read.
        error: Why there is no frame, or None.
        path: The file.
    """

    index: int
    name: str
    time_s: float | None
    frame: Frame | None
    error: str | None
    path: Path | None


class FrameSource(ABC):
    """Frames in a fixed order. May be iterated more than once."""

    @property
    @abstractmethod
    def len_hint(self) -> int | None:
        """How many frames to expect, for a progress bar; None where it is not known."""

    @abstractmethod
    def __iter__(self) -> Iterator[SourceFrame]:
        """Give the frames from the first on."""


def open_source(source: str | Path, spec: InputSpec | None = None) -> FrameSource:
    """Open an image, a folder (searched to its depths), a quoted glob, or a video.

    Files come sorted by their path. In folders and globs, files that are no images by their
    name's ending are passed over.

    Args:
        source: ``photo.jpg``, ``folder/``, ``"folder/**/*.png"``, ``clip.mp4``.
        spec: The input contract, for a scaled JPEG decode; see :func:`.decode_image`.

    Raises:
        InputError: Nothing is there, no image among it, or a video that cannot be opened.
    """
    path = Path(source)
    if path.is_dir():
        found = [p for p in path.rglob("*") if _is_image(p)]
        return ImageSource(_sorted_some(found, source), path, spec)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return VideoSource(path)
        if _is_image(path):
            return ImageSource([path], path.parent, spec)
        raise InputError(
            "The file is neither an image nor a video by its name.",
            path=path,
            expected=" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)),
            found=path.suffix or "no ending",
        )
    if glob.has_magic(str(source)):
        # Path.glob takes no absolute pattern.
        matches = [Path(p) for p in glob.glob(str(source), recursive=True)]  # noqa: PTH207
        return ImageSource(_sorted_some([p for p in matches if _is_image(p)], source), Path(), spec)
    raise InputError(
        "The source does not exist.",
        path=source,
        expected="an image, a folder, a quoted glob or a video file",
    )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _sorted_some(paths: list[Path], source: str | Path) -> list[Path]:
    if not paths:
        raise InputError(
            "No image was found.", path=source, expected=" ".join(sorted(IMAGE_SUFFIXES))
        )
    return sorted(paths, key=lambda path: path.as_posix())


class ImageSource(FrameSource):
    """Image files in the order given."""

    def __init__(self, paths: list[Path], root: Path, spec: InputSpec | None = None) -> None:
        self._paths, self._root, self._spec = paths, root, spec

    @property
    def len_hint(self) -> int:
        """The number of files."""
        return len(self._paths)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, path in enumerate(self._paths):
            inside = path.relative_to(self._root) if path.is_relative_to(self._root) else path
            frame, error = None, None
            try:
                frame = decode_image(path, self._spec)
            except FrameError as refused:
                error = refused.message
            yield SourceFrame(index, inside.as_posix(), None, frame, error, path)


class VideoSource(FrameSource):
    """Frames of a video file, in presentation order, turned upright if the file says so.

    A frame that the decoder gives up on is an error in its place. Frames that the decoder passes
    over without a word, and those behind a cut-off end, show as one error after the last frame.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        capture = self._open()
        self._stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()

    @property
    def len_hint(self) -> int | None:
        """The number of frames the file states or its duration suggests."""
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
