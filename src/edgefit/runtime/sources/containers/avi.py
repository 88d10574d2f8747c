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
    """Read what an AVI file states; see :class:`Extent`."""
    stream: AviStream | None = None
    index: bytes | None = None
    riffs = cut = 0
    for name, start, length in _chunks(file, 0, size):
        if name != b"RIFF":
            break
        riffs += 1
        if length not in _NOT_WRITTEN:
            cut = max(0, start + length - size)
        for inner, at, inner_length in _chunks(file, start + 4, size):
            if inner == b"LIST" and stream is None:
                stream = video_stream(_read(file, at, min(inner_length, _MAX_HEADER)))
            elif inner == b"idx1":
                index = _read(file, at, min(inner_length, size - at))
            if at + inner_length >= start + length:
                break
    if stream is None:
        return Extent(cut_bytes=cut, is_cut=cut > 0)
    seconds = stream.scale / stream.rate
    if index is not None and riffs == 1 and not cut:
        filled = _filled(index, stream.number)
        if filled:
            return Extent(frames=len(filled), end_s=(filled[-1] + 1) * seconds)
    # Without its index, a file that is whole has only a header that may count empty chunks.
    frames = stream.length if cut else None
    end_s = stream.length * seconds if cut else None
    return Extent(frames=frames, end_s=end_s, cut_bytes=cut, is_cut=cut > 0)


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


def _filled(index: bytes, number: int) -> list[int]:
    """Positions, among a stream's chunks, of those that hold something."""
    name = b"%02d" % number
    chunks = [
        length
        for tag, _, _, length in _INDEX_ENTRY.iter_unpack(index[: len(index) // 16 * 16])
        if tag[:2] == name and tag[2:] in (b"dc", b"db")
    ]
    return [position for position, length in enumerate(chunks) if length]


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)
