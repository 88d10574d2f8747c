"""Frames from standard input: JPEG images, raw frames, or the names of image files."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

from edgefit.errors import InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.image_files import image_shot
from edgefit.runtime.sources.input_format import (
    FIRST_BYTES,
    Format,
    by_first_bytes,
    moderate_length,
    no_format,
    no_names,
    stated_format,
)
from edgefit.runtime.sources.jpeg_splitter import JpegSplitter
from edgefit.runtime.sources.kinds import ARCHIVE_SUFFIXES
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.raw_frames import RawFormat, raw_format
from edgefit.runtime.sources.source import FrameSource, PendingFrame, SourceFrame
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES
from edgefit.runtime.walking import suffix_of
from edgefit.spec import Frame, InputSpec

_PIECE = 2**16
_LOOK_S = 0.1
"""How often a source that waits for bytes looks whether it is to stop."""
_LONGEST_NAME = 2**16


@dataclass(frozen=True)
class _Item:
    """What was read for one frame: an image, a file's path, raw pixels or an error."""

    name: str = ""
    image: bytes | Path | None = None
    raw: bytearray | None = None
    error: str | None = None


def open_standard_input(text: str, options: SourceOptions) -> StandardInput:
    """Standard input in the format that the text states; ``-`` goes by the first bytes.

    Raises:
        InputError: The text states no format, or standard input is a terminal or closed.
    """
    word, _, shape = text.removeprefix("stdin:").partition(":")
    stated = Format.AUTO if text == "-" else stated_format(word, text)
    if bool(shape) != (stated is Format.RAW):
        raise no_format(text)
    raw = raw_format(shape, text) if shape else None
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise InputError(
            "Nothing is written to standard input.",
            path=text,
            expected="a pipe or a file",
            found="a terminal" if sys.stdin and not sys.stdin.closed else "no standard input",
            remedy="find . -name '*.jpg' -print0 | edgefit predict BUNDLE stdin:names0",
        )
    return StandardInput(sys.stdin.buffer, stated, raw, options.spec)


class StandardInput(FrameSource):
    """Frames from a stream of bytes; it can be read once.

    Reading waits for whoever writes. Nothing is dropped; the writer waits while frames are answered
    more slowly than it writes.

    Args:
        file: The stream, opened for bytes.
        stated: What it holds.
        raw: Shape and pixel format of the frames of ``raw``.
        spec: The input contract, for a scaled JPEG decode.

    Raises:
        InputError: From iterating: the stream is not of the format.
    """

    def __init__(
        self,
        file: IO[bytes],
        stated: Format = Format.AUTO,
        raw: RawFormat | None = None,
        spec: InputSpec | None = None,
    ) -> None:
        self._file, self._format, self._raw, self._spec = file, stated, raw, spec
        self._stopped = False

    @property
    def len_hint(self) -> None:
        """Unknown."""
        return None

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One frame each; its bytes are read already, but a file's only when it is called."""
        for index, item in enumerate(self._items()):
            shot = partial(self._shot, index, item, time.time(), time.monotonic())
            yield PendingFrame(item.name, shot)

    def stop(self) -> None:
        """End soon, also while nothing is written."""
        self._stopped = True

    def _items(self) -> Iterator[_Item]:
        start = b""
        if self._format is Format.AUTO:
            start = self._start(FIRST_BYTES)
            self._format = by_first_bytes(start)
        self.repeatable = self._format in (Format.NAMES, Format.NAMES0)
        if self._raw is not None:
            return self._raw_frames(self._raw)
        if self._format is Format.MJPEG:
            return self._jpegs(start)
        if self._format is Format.JPEG:
            return self._counted_jpegs(start)
        return self._names(start)

    def _jpegs(self, start: bytes) -> Iterator[_Item]:
        splitter = JpegSplitter()
        for piece in self._pieces(start):
            yield from map(_found, splitter.split(piece))
        if not self._stopped:
            yield from map(_found, splitter.end())

    def _counted_jpegs(self, start: bytes) -> Iterator[_Item]:
        buffer, wanted = bytearray(), 4
        for piece in self._pieces(start):
            buffer += piece
            while len(buffer) >= wanted:
                wanted = 4 + moderate_length(buffer)
                if len(buffer) < wanted:
                    break
                yield _Item(image=bytes(memoryview(buffer)[4:wanted]))
                del buffer[:wanted]
                wanted = 4
        if buffer and not self._stopped:
            yield _cut_off(len(buffer), wanted)

    def _raw_frames(self, raw: RawFormat) -> Iterator[_Item]:
        buffer = bytearray()
        for piece in self._pieces():
            buffer += piece
            while len(buffer) >= raw.size:
                yield _Item(raw=buffer[: raw.size])
                del buffer[: raw.size]
        if buffer and not self._stopped:
            yield _cut_off(len(buffer), raw.size)

    def _names(self, start: bytes) -> Iterator[_Item]:
        end = b"\0" if self._format is Format.NAMES0 else b"\n"
        buffer = bytearray()
        for piece in self._pieces(start):
            buffer += piece
            *names, rest = bytes(buffer).split(end)
            for name in names:
                yield from self._named(name)
            buffer = bytearray(rest)
            if len(buffer) > _LONGEST_NAME:
                raise no_names("a name of more than 64 KiB", self._format)
        if not self._stopped:
            yield from self._named(bytes(buffer))

    def _named(self, name: bytes) -> Iterator[_Item]:
        if self._format is not Format.NAMES0:
            name = name.removesuffix(b"\r")
            if b"\0" in name:
                raise no_names("zero bytes", self._format)
        if name:
            text = name.decode("utf-8", "surrogateescape")
            yield _Item(text, image=Path(text))

    def _start(self, count: int) -> bytes:
        start = b""
        while len(start) < count and (piece := self._read()):
            start += piece
        return start

    def _pieces(self, start: bytes = b"") -> Iterator[bytes]:
        if start:
            yield start
        while piece := self._read():
            yield piece

    def _read(self) -> bytes:
        """What is there, as soon as anything is; nothing at the end or once it is to stop."""
        while not self._stopped:
            if _is_readable(self._file):
                return _read_some(self._file)
        return b""

    def _shot(self, index: int, item: _Item, at: float, monotonic_s: float) -> SourceFrame:
        name = item.name or f"stdin#{index}"
        path = item.image if isinstance(item.image, Path) else None
        frame: Frame | None = None
        error = item.error if path is None else _refused(path)
        if item.raw is not None and self._raw is not None:
            frame = self._raw.frame(item.raw)
        if error is None and item.image is not None:
            shot = image_shot(index, name, item.image, path, self._spec)
        else:
            shot = SourceFrame(index, name, None, frame, error, path)
        return replace(shot, arrived_at=at, arrived_monotonic_s=monotonic_s)


def _refused(path: Path) -> str | None:
    """Why a file is not opened: a pipe would be waited for, a film would fill the memory."""
    if path.exists() and not path.is_file():
        return "It is not a file."
    suffix = suffix_of(path.name)
    if suffix in VIDEO_SUFFIXES - IMAGE_SUFFIXES or path.name.lower().endswith(ARCHIVE_SUFFIXES):
        return "It is not an image; give a video or an archive as a source of its own."
    return None


def _is_readable(file: IO[bytes]) -> bool:
    """Whether reading does not wait; unknown, it waits."""
    try:
        return bool(select.select([file], [], [], _LOOK_S)[0])
    except (OSError, ValueError, TypeError):  # in memory, or a system that cannot tell of files
        return True


def _read_some(file: IO[bytes]) -> bytes:
    # read1 gives what is there; read waits until all is there
    read: Callable[[int], bytes] = getattr(file, "read1", file.read)
    return read(_PIECE)


def _found(found: bytes | str) -> _Item:
    return _Item(error=found) if isinstance(found, str) else _Item(image=found)


def _cut_off(there: int, wanted: int) -> _Item:
    return _Item(error=f"The stream ends inside a frame: {there} of {wanted} bytes.")
