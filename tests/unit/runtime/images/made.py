"""Small image files of many kinds, made in memory."""

from __future__ import annotations

import io
import struct
from typing import Any

import cv2
import numpy as np
from PIL import Image

from edgefit.spec import Frame

ORIENTATION = 0x0112


def smooth(width: int = 64, height: int = 48, seed: int = 0) -> Frame:
    """A smooth image, different everywhere."""
    noise = np.random.default_rng(seed).integers(
        0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8
    )
    frame: Any = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    result: Frame = frame
    return result


def encode(frame: Frame | Image.Image, kind: str, **options: Any) -> bytes:
    """A file of one of Pillow's kinds."""
    image = frame if isinstance(frame, Image.Image) else Image.fromarray(frame)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(frame: Frame, *options: int) -> bytes:
    """A JPEG file of OpenCV's encoder, with pairs of its options."""
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, options)[1])


def exif(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """EXIF data with one tag, whose number is a byte (1), a short (3) or a long (4)."""
    value = struct.pack(order + {1: "B", 3: "H", 4: "I"}[kind], orientation).ljust(4, b"\0")
    start = b"II*\0\x08\0\0\0" if order == "<" else b"MM\0*\0\0\0\x08"
    return start + struct.pack(order + "HHHI", 1, ORIENTATION, kind, 1) + value + bytes(4)


def tiff(pages: list[dict[int, tuple[int, int]]], order: str = "<", data: bytes = b"") -> bytes:
    """A TIFF file: for each page the type and value of its tags; ``data`` lies at byte 8."""
    out = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data)) + data
    for number, tags in enumerate(pages):
        out += struct.pack(order + "H", len(tags))
        for tag, (kind, value) in sorted(tags.items()):
            form = {1: "B", 3: "H", 4: "I"}[kind]
            out += struct.pack(order + "HHI", tag, kind, 1)
            out += struct.pack(order + form, value).ljust(4, b"\0")
        out += struct.pack(order + "I", len(out) + 4 if number + 1 < len(pages) else 0)
    return out
