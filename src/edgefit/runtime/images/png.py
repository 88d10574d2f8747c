"""PNG files: the chunks, their checksums, and what they state."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

from edgefit.errors import FrameError
from edgefit.runtime.images.exif import UPRIGHT, exif_orientation
from edgefit.runtime.images.header import Header, cut_off

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PROFILE = b"Raw profile type "
_LONGEST_PROFILE = 1 << 20


def png_header(data: bytes, path: Path | None) -> Header:
    """Walk the chunks (PNG, 3rd edition, section 5) and check those that carry pixels.

    Raises:
        FrameError: The file is cut off, or a checksum is wrong.
    """
    position, orientation, size, frames = len(PNG_SIGNATURE), UPRIGHT, (0, 0), 1
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind = data[position + 4 : position + 8]
        end = position + 8 + length
        if end + 4 > len(data):
            break
        if not _is_intact(data, position, end):
            # An upper-case first letter marks a chunk that decoders need.
            if kind[:1].isupper():
                raise FrameError(
                    "The PNG file is damaged.",
                    path=path,
                    found=f"wrong checksum at byte {position}",
                )
            kind = b""
        if kind == b"IHDR" and length >= 8:
            size = struct.unpack_from(">II", data, position + 8)
        elif kind == b"acTL" and length >= 4:
            frames = int.from_bytes(data[position + 8 : position + 12], "big")
        elif kind == b"eXIf":
            orientation = exif_orientation(data[position + 8 : end])
        elif kind in (b"zTXt", b"tEXt") and orientation == UPRIGHT:
            orientation = exif_orientation(_raw_profile(kind, data[position + 8 : end]))
        elif kind == b"IEND":
            return Header(*size, orientation, max(1, frames), animated=True)
        position = end + 4
    raise cut_off("PNG", data, path)


def _is_intact(data: bytes, position: int, end: int) -> bool:
    stated = int.from_bytes(data[end : end + 4], "big")
    return zlib.crc32(memoryview(data)[position + 4 : end]) == stated


def _raw_profile(kind: bytes, text: bytes) -> bytes:
    """EXIF that ImageMagick writes as text: a name, a length, and hexadecimal digits."""
    keyword, _, value = text.partition(b"\0")
    if keyword not in (_PROFILE + b"exif", _PROFILE + b"APP1"):
        return b""
    if kind == b"zTXt":
        try:
            value = zlib.decompressobj().decompress(value[1:], _LONGEST_PROFILE)
        except zlib.error:
            return b""
    digits = re.fullmatch(rb"\s*\w+\s+\d+\s+([0-9a-fA-F\s]*)", value)
    if digits is None:
        return b""
    plain = b"".join(digits[1].split())
    return bytes.fromhex(plain[: len(plain) // 2 * 2].decode("ascii"))
