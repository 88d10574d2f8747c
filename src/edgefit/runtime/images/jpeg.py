"""JPEG files: decoded by libjpeg-turbo with its warnings, which OpenCV only prints.

simplejpeg's pixels are those of OpenCV's decoder, bit for bit, since both hold libjpeg-turbo.
OpenCV prints libjpeg's warnings on the process's standard error, where they belong to no file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.exif import upright
from edgefit.runtime.images.geometry import shrink_ratio
from edgefit.runtime.images.header import Note, NoteKind, require_moderate_size
from edgefit.runtime.images.jpeg_layout import (
    END,
    START,
    JpegLayout,
    fill_before,
    jpeg_layout,
    without_gaps,
)
from edgefit.runtime.images.opencv import opencv_decode
from edgefit.spec import Damaged, Frame, InputSpec, JpegDecode

_LOOSE = re.compile(r"(\d+) extraneous bytes before marker 0x([0-9a-f]{2})")
# Damage that shifts the data leaves more bytes than this between the image and its end marker in
# 98 of 100 files; a writer's own padding is shorter.
_MOST_LOOSE_BYTES = 32
_HARMLESS_BYTES = 3
# Equal bytes are padding, unless they are many: what was lost up to the end is zero.
_MOST_FILL = 64
_MOST_FILLS = 16
_FOUR_COLOURS = 4
# What simplejpeg says of a file that it cannot handle, though libjpeg can.
_NOT_SIMPLE = "Could not determine subsampling"
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_jpeg(data: bytes, spec: InputSpec, path: Path | None) -> tuple[Frame, tuple[Note, ...]]:
    """Decode a file that begins with a JPEG's signature.

    Returns:
        ``uint8`` (H, W, 3) RGB, upright, and what is wrong with the file where
        ``spec.damaged`` is ``warn``.

    Raises:
        FrameError: The file is cut off, too large or not decodable; or it is damaged and
            ``spec.damaged`` is ``refuse``.
    """
    layout = jpeg_layout(data, path)
    require_moderate_size(layout.width, layout.height, spec, path)
    damage = layout.damage or ("some of its scans are missing" if layout.incomplete() else None)
    if damage and spec.damaged is Damaged.REFUSE:
        raise _damaged(damage, path)
    factor = _reduction(layout.width, layout.height, spec)
    pixels, loose, found = _decode(_repaired(data, layout), layout, factor, spec, path)
    damage = damage or found
    notes = [] if loose is None else [Note(NoteKind.LOOSE_BYTES, loose)]
    if damage:
        notes.append(Note(NoteKind.DAMAGED, f"The file is damaged: {damage}"))
    return upright(as_frame(pixels), layout.orientation), tuple(notes)


def _repaired(data: bytes, layout: JpegLayout) -> bytes:
    if layout.markers[-1][0] == START:
        data = data[: layout.markers[-1][1]] + bytes([0xFF, END])
    return without_gaps(data, layout.gaps)


def _decode(
    data: bytes, layout: JpegLayout, factor: int, spec: InputSpec, path: Path | None
) -> tuple[NDArray[np.uint8], str | None, str | None]:
    """The pixels, a note on loose bytes, and what libjpeg warns of."""
    if layout.gaps:
        layout = jpeg_layout(data, path)
    for _ in range(_MOST_FILLS):
        try:
            return _rgb(data, layout, factor, strict=True), None, None
        except ValueError as error:
            warning = _plain(error)
        if _NOT_SIMPLE in warning:
            return _by_opencv(data, factor, path), None, None
        loose = _LOOSE.search(warning)
        if loose is None:
            break
        length, code = int(loose[1]), int(loose[2], 16)
        filled = next(fill_before(layout, data, code, length), None)
        if filled is None or length > _MOST_FILL:
            if filled is not None or code != END or length > _MOST_LOOSE_BYTES:
                break
            note = f"{warning}: padding or damage" if length > _HARMLESS_BYTES else None
            return _leniently(data, layout, factor, path), note, None
        data = without_gaps(data, [(filled - length, filled)])
        layout = jpeg_layout(data, path)
    if spec.damaged is Damaged.REFUSE:
        raise _damaged(warning, path)
    return _leniently(data, layout, factor, path), None, warning


def _rgb(data: bytes, layout: JpegLayout, factor: int, *, strict: bool) -> NDArray[np.uint8]:
    least = (-(-layout.height // factor), -(-layout.width // factor)) if factor > 1 else (0, 0)
    colours = "CMYK" if layout.components == _FOUR_COLOURS else "RGB"
    decoded: Any = simplejpeg.decode_jpeg(
        data, colours, min_height=least[0], min_width=least[1], strict=strict
    )
    pixels: NDArray[np.uint8] = decoded
    return pixels if colours == "RGB" else _without_black(pixels)


def _without_black(cmyk: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From (inverted) CMYK to RGB, as OpenCV computes it."""
    rgb = np.empty((*cmyk.shape[:2], 3), np.uint8)
    for inks, colours in zip(cmyk, rgb, strict=True):  # row by row, to take little memory
        black = inks[:, 3:].astype(np.int32)
        colours[:] = black - ((255 - inks[:, :3].astype(np.int32)) * black >> 8)
    return rgb


def _leniently(
    data: bytes, layout: JpegLayout, factor: int, path: Path | None
) -> NDArray[np.uint8]:
    try:
        return _rgb(data, layout, factor, strict=False)
    except ValueError as error:
        raise _damaged(_plain(error), path) from error


def _by_opencv(data: bytes, factor: int, path: Path | None) -> NDArray[np.uint8]:
    # Stored as it lies: edgefit itself turns it.
    flags = _REDUCED[factor] | cv2.IMREAD_IGNORE_ORIENTATION
    return np.asarray(cv2.cvtColor(opencv_decode(data, path, flags), cv2.COLOR_BGR2RGB))


def _reduction(width: int, height: int, spec: InputSpec) -> int:
    if spec.jpeg_decode != JpegDecode.SCALED or 0 in (width, height):
        return 1
    # A factor that is safe for portrait and landscape.
    ratio = min(shrink_ratio(width, height, spec), shrink_ratio(height, width, spec))
    return next((factor for factor in (8, 4, 2) if ratio >= factor), 1)


def _plain(error: ValueError) -> str:
    return str(error).removeprefix("Corrupt JPEG data: ")


def _damaged(what: str, path: Path | None) -> FrameError:
    return FrameError(
        f"The JPEG file is damaged: {what}.",
        path=path,
        expected="a whole JPEG file",
        found=what,
        remedy="replace the file, or set input.damaged: warn in the recipe to read what is left",
    )
