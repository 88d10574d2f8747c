"""GIF files: size, number of frames, and whether the first one is whole."""

from __future__ import annotations

import struct
from pathlib import Path

from edgefit.runtime.images.header import Header, cut_off

GIF_SIGNATURES = (b"GIF87a", b"GIF89a")
_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, b"\x3b"


def first_gif_frame(data: bytes, path: Path | None) -> tuple[Header, bytes]:
    """Walk the blocks (GIF89a, section 12 and on).

    Returns:
        What the file states, and a file of its first frame alone: OpenCV refuses a file whose later
        frames are cut off.

    Raises:
        FrameError: The first frame is cut off.
    """
    if len(data) < 13:
        raise cut_off("GIF", data, path)
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position, frames, first_end = 13 + colour_table_length(flags), 0, 0
    while position < len(data) and data[position] in (_EXTENSION, _IMAGE):
        if data[position] == _EXTENSION:
            end = _after_blocks(data, position + 2)
        elif position + 10 > len(data):
            break
        else:
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, position + 1)
            width, height = max(width, left + wide), max(height, top + high)
            end = _after_blocks(data, position + 10 + colour_table_length(flags) + 1)
            frames += 1
            first_end = first_end or end or 0
        if end is None:
            break
        position = end
    if first_end == 0:
        raise cut_off("GIF", data, path)
    header = Header(width, height, images=frames, animated=True)
    return header, data[:first_end] + _TRAILER


def colour_table_length(flags: int) -> int:
    """Length of the colour table that the flags announce, in bytes."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int | None:
    """Where the sub-blocks end; None if the data end first."""
    while position < len(data):
        if data[position] == 0:
            return position + 1
        position += 1 + data[position]
    return None
