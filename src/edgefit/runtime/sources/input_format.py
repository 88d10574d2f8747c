"""What standard input holds: what the text of the source states, and what shows it to be wrong."""

from __future__ import annotations

import struct
from enum import StrEnum

from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.runtime.sources.jpeg_splitter import MAX_JPEG_BYTES

_TEXTS = "-, stdin:mjpeg, stdin:jpeg, stdin:names, stdin:names0 or stdin:raw:1280x720:bgr24"
_JPEG_BEGIN = b"\xff\xd8\xff"
FIRST_BYTES = 4 + len(_JPEG_BEGIN)
"""How many bytes :func:`by_first_bytes` needs."""


class Format(StrEnum):
    """What standard input holds.

    ``names``: one file name per line. ``names0``: each followed by a zero byte, as ``find -print0``
    writes them. ``mjpeg``: JPEG images one after the other. ``jpeg``: each after its length, four
    bytes, the most significant first. ``raw``: frames of one shape. ``auto``: mjpeg, jpeg or names,
    by the first bytes.
    """

    AUTO = "auto"
    NAMES = "names"
    NAMES0 = "names0"
    MJPEG = "mjpeg"
    JPEG = "jpeg"
    RAW = "raw"


def stated_format(word: str, text: str) -> Format:
    """The format of this name.

    Args:
        word: The name.
        text: The whole text of the source, for the error.

    Raises:
        InputError: There is none.
    """
    if word == Format.AUTO or word not in set(Format):
        raise no_format(text)
    return Format(word)


def by_first_bytes(start: bytes) -> Format:
    """``mjpeg``, ``jpeg`` or ``names``.

    Raises:
        InputError: It is none of these.
    """
    if start.startswith(_JPEG_BEGIN):
        return Format.MJPEG
    if start[4:].startswith(_JPEG_BEGIN):
        return Format.JPEG
    if any(byte < 9 or 13 < byte < 32 for byte in start):  # control characters
        raise InputError(
            "What standard input holds does not show from its first bytes.",
            path="-",
            expected="JPEG images or file names, one on each line",
            found=f"bytes that start with {start!r}",
            remedy=f"state the format: {_TEXTS}",
        )
    return Format.NAMES


def moderate_length(buffer: bytearray) -> int:
    """The length of a JPEG that four bytes state.

    Raises:
        InputError: No JPEG is so long; where the next one begins cannot be known.
    """
    (length,) = struct.unpack_from(">I", buffer)
    if not 0 < length <= MAX_JPEG_BYTES:
        raise InputError(
            "Standard input states a length that no JPEG has.",
            path="stdin:jpeg",
            expected=f"four bytes, the most significant first: 1 to {MAX_JPEG_BYTES}",
            found=f"{length} ({bytes(buffer[:4])!r})",
            remedy="for JPEG images without lengths give stdin:mjpeg",
        )
    return int(length)


def no_names(found: str, stated: Format) -> InputError:
    """The error for a stream that holds something other than names."""
    other = Format.NAMES if stated is Format.NAMES0 else Format.NAMES0
    return InputError(
        "Standard input does not hold file names.",
        path=f"stdin:{stated}",
        expected="names that each end with "
        + ("a zero byte" if stated is Format.NAMES0 else "a new line"),
        found=found,
        remedy=f"give stdin:{other}, or the format that is written: {_TEXTS}",
    )


def no_format(text: str) -> InputError:
    """The error for a text that states no format."""
    return InputError(
        "The format of standard input is unknown.",
        path=printable(text),
        expected=_TEXTS,
        remedy="correct it",
    )
