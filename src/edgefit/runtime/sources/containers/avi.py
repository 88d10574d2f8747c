"""AVI: the header's streams, and the index at the end of the file.

Format: https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from edgefit.runtime.sources.containers.extent import Extent

_NOT_WRITTEN = (0, 0xFFFFFFFF)
"""Sizes that a recorder writes first and corrects when the recording ends."""
_INDEX_ENTRY = struct.Struct("<4sIII")
_MAX_HEADER = 1 << 24
_HAS_INDEX = 0x10
_NOTHING_NEW = 8
"""Bytes of an MPEG-4 chunk that says: show the former frame."""


@dataclass(frozen=True)
class AviStream:
    """The video stream, as its header states it.

    Attributes:
        number: Position among the streams, which is in the names of its chunks.
        codec: The four characters of its codec.
        scale: ``scale / rate`` seconds are one frame.
        rate: See ``scale``.
        length: Number of chunks; FFmpeg counts empty ones.
    """

    number: int
    codec: str
    scale: int
    rate: int
    length: int


def read(file: BinaryIO, size: int) -> Extent:
    """Read what an AVI file states; see :class:`Extent`.

    AVI has no times: a frame is shown where it is counted, so that the end is not stated apart.
    """
    header, index, cut, at = b"", None, 0, 0
    riffs = [(start, length) for name, start, length in _chunks(file, 0, size) if name == b"RIFF"]
    for start, length in riffs[:1]:
        if length not in _NOT_WRITTEN:
            cut = max(0, start + length - size)
        for name, at, inner in _chunks(file, start + 4, size):
            if name == b"LIST" and not header:
                header = _read(file, at, min(inner, _MAX_HEADER))
            elif name == b"idx1":
                index = _read(file, at, min(inner, size - at))
                break
    stream = video_stream(header)
    if cut or stream is None:
        # A cut file has lost its index, and only the header's number is left.
        return Extent(frames=stream.length if stream else None, cut_bytes=cut, is_cut=cut > 0)
    if index is not None and len(riffs) == 1:
        return Extent(frames=_filled(index, stream.number) or None)
    is_finished = len(riffs) == 1 and riffs[0][1] not in _NOT_WRITTEN
    return Extent(broken_at=at if is_finished and _promises_index(header) else None)


def _promises_index(header: bytes) -> bool:
    at = header.find(b"avih")
    return at >= 0 and bool(struct.unpack_from("<I", header, at + 20)[0] & _HAS_INDEX)


def video_stream(header: bytes) -> AviStream | None:
    """The first video stream in a ``hdrl`` list; None where there is none."""
    number, at = -1, 0
    while (at := header.find(b"strh", at)) >= 0:
        number += 1
        if header[at + 8 : at + 12] == b"vids":
            codec = header[at + 12 : at + 16].decode("ascii", "replace")
            scale, rate, _, length = struct.unpack_from("<4I", header, at + 28)
            return AviStream(number, codec, scale, rate, length)
        at += 4
    return None


def _chunks(file: BinaryIO, at: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and length of each chunk's content."""
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        yield name, at + 8, length
        at += 8 + length + length % 2


def _filled(index: bytes, number: int) -> int:
    """How many of a stream's chunks hold a frame of their own."""
    name = b"%02d" % number
    return sum(
        tag[:2] == name and tag[2:] in (b"dc", b"db") and length > _NOTHING_NEW
        for tag, _, _, length in _INDEX_ENTRY.iter_unpack(index[: len(index) // 16 * 16])
    )


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)
