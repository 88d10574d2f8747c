"""WebP files: size, orientation and number of frames."""

from __future__ import annotations

import struct

from edgefit.runtime.images.exif import UPRIGHT, exif_orientation
from edgefit.runtime.images.header import Header


def is_webp(data: bytes) -> bool:
    """Whether the bytes are those of a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def webp_header(data: bytes) -> Header:
    """Walk the chunks (RFC 9649, section 2.7) of a file that :func:`is_webp`."""
    position, orientation, frames = 12, UPRIGHT, 0
    size: tuple[int, int] = (0, 0)
    while position + 8 <= len(data):
        kind = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if kind == b"EXIF":
            orientation = exif_orientation(data[position + 8 : position + 8 + length])
        elif kind == b"ANMF":
            frames += 1
        elif size == (0, 0):
            size = _size(kind, data[position + 8 : position + 18])
        position += 8 + length + length % 2
    return Header(*size, orientation, max(1, frames), animated=True)


def _size(kind: bytes, body: bytes) -> tuple[int, int]:
    if len(body) < 10:
        return (0, 0)
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[i : i + 3], "little") + 1 for i in (4, 7))
        return (width, height)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return (width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        packed = int.from_bytes(body[1:5], "little")
        return ((packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
    return (0, 0)
