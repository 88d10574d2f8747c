"""Files with a plain header: BMP, Netpbm and Sun raster."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.runtime.images.header import Header

SUN_SIGNATURE = b"\x59\xa6\x6a\x95"
_PNM = re.compile(rb"P([1-6])((?:\s|#[^\n\r]*[\n\r])+)")
_BLANKS = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])+")
_NUMBER = re.compile(rb"\d{1,10}")
_PAM = re.compile(rb"^(WIDTH|HEIGHT|MAXVAL)\s+(\d{1,10})\s*$", re.MULTILINE)
_LONGEST_HEADER = 1 << 16


def bmp_header(data: bytes) -> Header | None:
    """The size in a BMP file; None where it is too short to state one."""
    if len(data) < 26:
        return None
    if int.from_bytes(data[14:18], "little") == 12:
        return Header(*struct.unpack_from("<HH", data, 18))
    width, height = struct.unpack_from("<ii", data, 18)
    return Header(abs(width), abs(height))


def sun_header(data: bytes) -> Header | None:
    """The size in a Sun raster file; None where it is too short to state one."""
    return Header(*struct.unpack_from(">II", data, 4)) if len(data) >= 12 else None


def pnm_header(data: bytes) -> tuple[Header, int] | None:
    """Size and largest value of a Netpbm file (P1 to P7); None where there is no such header.

    Netpbm, "PGM format": the largest value that the header states is white.
    """
    text = data[:_LONGEST_HEADER]
    if text.startswith(b"P7"):
        facts = dict(_PAM.findall(text.partition(b"ENDHDR")[0]))
        if not facts.keys() >= {b"WIDTH", b"HEIGHT", b"MAXVAL"}:
            return None
        return Header(int(facts[b"WIDTH"]), int(facts[b"HEIGHT"])), int(facts[b"MAXVAL"])
    start = _PNM.match(text)
    if start is None:
        return None
    wanted = 2 if start[1] in b"14" else 3
    numbers: list[int] = []
    position = start.end()
    while len(numbers) < wanted:
        number = _NUMBER.match(text, position)
        if number is None:
            return None
        numbers.append(int(number[0]))
        blanks = _BLANKS.match(text, number.end())
        position = blanks.end() if blanks else number.end()
    return Header(numbers[0], numbers[1]), numbers[2] if wanted == 3 else 1


def at_full_scale(pixels: NDArray[Any], data: bytes, largest: int) -> NDArray[Any]:
    """Stretch a Netpbm file's pixels so that its own largest value is white.

    OpenCV does so for text files (P2, P3) up to 255, and gives all others as they are stored.

    Args:
        pixels: As OpenCV decodes them.
        data: The file.
        largest: The value in the header.

    Returns:
        ``uint8``, or ``uint16`` where the largest value fills whole bits (1023, 4095, 65535).
    """
    already = data[1:2] in b"14" or (data[1:2] in b"23" and largest <= 255)
    if already or largest in (0, 255) or bits_of(largest) is not None:
        return pixels
    stretched = np.minimum(pixels, largest).astype(np.uint32) * 255 // largest
    return np.asarray(stretched.astype(np.uint8))


def bits_of(largest: int) -> int | None:
    """The bits that a largest value fills, where these are more than 8; else None."""
    bits = largest.bit_length()
    return bits if 8 < bits <= 16 and largest == (1 << bits) - 1 else None
