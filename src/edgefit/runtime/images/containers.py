"""The outer structure of image files: completeness, size and orientation.

edgefit reads it itself because decoders tolerate missing data, and because OpenCV drops the
orientation of the files whose alpha it keeps.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from edgefit.errors import FrameError

JPEG_SIGNATURE = b"\xff\xd8\xff"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_NO_PAYLOAD = frozenset([0x01, *range(0xD0, 0xD9)])
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_ORIENTATION, _SHORT = 0x0112, 3


def require_whole_jpeg(data: bytes, path: Path | None) -> tuple[int, int]:
    """Walk the segments (ITU-T T.81, annex B) to the scan; its end marker must follow.

    The search for the end marker begins at the start of the scan, since an embedded thumbnail has
    an end marker of its own.

    Returns:
        Width and height as stored, before the orientation is applied.

    Raises:
        FrameError: The file is cut off.
    """
    position, size = 2, (0, 0)
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF or marker in _NO_PAYLOAD:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _START_OF_SCAN:
            if data.find(b"\xff\xd9", position) < 0:
                break
            return size
        if marker in _START_OF_FRAME and position + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise _cut_off("JPEG", data, path)


def require_whole_png(data: bytes, path: Path | None) -> int:
    """Walk the chunks (PNG, 3rd edition, section 5) and check those that carry pixels.

    Returns:
        The EXIF orientation, 1 to 8.

    Raises:
        FrameError: The file is cut off, or a checksum is wrong.
    """
    position, orientation = len(PNG_SIGNATURE), 1
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            break
        stated = int.from_bytes(data[end : end + 4], "big")
        # An upper-case first letter marks a chunk that decoders need.
        if kind[:1].isupper() and zlib.crc32(data[position + 4 : end]) != stated:
            raise FrameError(
                "The PNG file is damaged.", path=path, found=f"wrong checksum at byte {position}"
            )
        if kind == b"eXIf":
            orientation = _exif_orientation(data[position + 8 : end])
        if kind == b"IEND":
            return orientation
        position = end + 4
    raise _cut_off("PNG", data, path)


def webp_orientation(data: bytes) -> int:
    """The EXIF orientation, 1 to 8, of a RIFF/WEBP file (RFC 9649, section 2.7)."""
    position = 12
    while position + 8 <= len(data):
        kind = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if kind == b"EXIF":
            return _exif_orientation(data[position + 8 : position + 8 + length])
        position += 8 + length + length % 2
    return 1


def is_webp(data: bytes) -> bool:
    """Whether the bytes are those of a WebP file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _exif_orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory (EXIF 2.32, section 4.6.4); 1 where there is none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return 1
    (entries,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        tag, kind, _count, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if (tag, kind) == (_ORIENTATION, _SHORT):
            return int(value) if 1 <= value <= 8 else 1
    return 1


def _cut_off(kind: str, data: bytes, path: Path | None) -> FrameError:
    return FrameError(
        f"The {kind} file is cut off: its end is missing.", path=path, found=f"{len(data)} bytes"
    )
