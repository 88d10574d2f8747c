"""The orientation that EXIF data state, and how a frame is turned upright."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np

from edgefit.spec import Frame

UPRIGHT = 1
_ORIENTATION = 0x0112
# By TIFF's number of the type: byte, short, long, their signed forms and IFD. EXIF asks for a
# short; writers use the others too.
INTEGER_FORMATS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I"}


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
        if tag == _ORIENTATION and kind in INTEGER_FORMATS:
            (value,) = struct.unpack_from(f"{order}{INTEGER_FORMATS[kind]}", exif, entry + 8)
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
    # OpenCV copies in blocks, several times as fast as numpy copies a turned view.
    if orientation >= 5:
        frame = _as_frame(cv2.transpose(frame))
    upside_down, mirrored = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    if upside_down or mirrored:
        axes = -1 if upside_down and mirrored else int(mirrored)
        frame = _as_frame(cv2.flip(np.ascontiguousarray(frame), axes))
    return np.ascontiguousarray(frame)


def _as_frame(pixels: Any) -> Frame:
    # OpenCV's stubs declare a union over every dtype; uint8 in is uint8 out.
    frame: Frame = pixels
    return frame
