"""The orientation that EXIF data state, and how a frame is turned upright."""

from __future__ import annotations

import struct

import numpy as np

from edgefit.spec import Frame

UPRIGHT = 1
_ORIENTATION = 0x0112
# Byte, short, long, their signed forms and IFD. EXIF asks for a short; writers use the others too.
_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}


def exif_orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory (EXIF 2.32, section 4.6.4).

    Args:
        exif: EXIF data, with or without ``Exif\\0\\0`` in front.

    Returns:
        1 to 8; 1 where the data state none or are damaged.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return UPRIGHT
    (entries,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
        if tag == _ORIENTATION and kind in _FORMATS:
            (value,) = struct.unpack_from(f"{order}{_FORMATS[kind]}", exif, entry + 8)
            return int(value) if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def upright(frame: Frame, orientation: int) -> Frame:
    """Turn a frame by its EXIF orientation.

    Args:
        frame: ``uint8`` (H, W, C) or (H, W).
        orientation: 1 to 8.

    Returns:
        C-contiguous; ``frame`` itself where it is upright already.
    """
    if orientation >= 5:
        frame = frame.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        frame = frame[::-1]
    if orientation in (2, 3, 6, 7):
        frame = frame[:, ::-1]
    return np.ascontiguousarray(frame)
