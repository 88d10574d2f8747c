"""The only way from a frame to the network's input: training, verification and devices use it.

Why not one ``cv2.resize`` with ``INTER_AREA``: exact area averaging of 1280x720 to 224x224 takes
about 2 ms on a core. Averaging whole blocks first (5x3 pixels here) and interpolating the smaller
image takes 0.9 ms. It is as close to an antialiased bilinear resize (Pillow's) as area averaging
is: 0.56 against 0.50 grey levels on average. ``benchmarks/preprocess.py`` measures this.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.decode import IMAGE_SUFFIXES, DecodedImage, decode_image, read_image
from edgefit.runtime.images.geometry import place
from edgefit.spec import Enlarge, Frame, InputSpec

__all__ = [
    "IMAGE_SUFFIXES",
    "DecodedImage",
    "as_frame",
    "decode_image",
    "preprocess",
    "read_image",
]

_ENLARGING = {Enlarge.BILINEAR: cv2.INTER_LINEAR, Enlarge.LANCZOS: cv2.INTER_LANCZOS4}


def preprocess(frame: NDArray[Any], spec: InputSpec) -> Frame:
    """Resize a frame to the network's input size.

    Shrinking is antialiased, and enlarging follows ``spec.enlarge``. Where one axis shrinks and the
    other grows, the shrinking comes first. The result does not depend on the number of threads or
    on the memory order.

    Args:
        frame: ``uint8`` or ``uint16`` (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; see
            :func:`.as_frame` for the treatment of grey, 16 bits and alpha.
        spec: Size, aspect policy, enlarging and the bits that ``uint16`` uses; see :func:`.place`
            for the rounding.

    Returns:
        ``uint8`` (spec.height, spec.width, 3) RGB, C-contiguous. It is ``frame`` itself, not a
        copy, where ``frame`` already has this form.

    Raises:
        FrameError: ``frame`` has another shape or dtype, or no pixels.
    """
    frame = as_frame(frame, bits=spec.bits)
    height, width = frame.shape[:2]
    if (height, width) == (spec.height, spec.width):
        return frame
    placement = place(width, height, spec)
    x, y, part_width, part_height = placement.source
    left, top, new_width, new_height = placement.target
    part = frame[y : y + part_height, x : x + part_width]
    resized = _resize(part, new_width, new_height, _ENLARGING[spec.enlarge])
    if (new_width, new_height) == (spec.width, spec.height):
        return resized
    canvas = np.full(spec.shape_HWC, spec.pad_value, np.uint8)
    canvas[top : top + new_height, left : left + new_width] = resized
    return canvas


def _resize(frame: Frame, width: int, height: int, enlarging: int) -> Frame:
    # OpenCV's area averaging does not average when an axis grows, so this shrinks first.
    frame = _shrink(frame, min(width, frame.shape[1]), min(height, frame.shape[0]))
    if frame.shape[:2] != (height, width):
        frame = _scale(frame, width, height, enlarging)
    return np.ascontiguousarray(frame)


def _shrink(frame: Frame, width: int, height: int) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    columns = frame.shape[1] // _block(frame.shape[1], width)
    rows = frame.shape[0] // _block(frame.shape[0], height)
    # Blocks remove the fine detail. Below a ratio of two, bilinear interpolation (four pixels)
    # then skips no pixel. Where an axis has no such blocks, area averaging alone is faster and
    # more accurate.
    averaged = columns < frame.shape[1] and rows < frame.shape[0]
    if averaged and columns < 2 * width and rows < 2 * height:
        blocks = _scale(frame, columns, rows, cv2.INTER_AREA)
        return _scale(blocks, width, height, cv2.INTER_LINEAR)
    return _scale(frame, width, height, cv2.INTER_AREA)


def _block(size: int, target: int) -> int:
    """The largest block length that divides ``size`` and leaves at least ``target`` blocks.

    A length that does not divide ``size`` would cut off a remainder and move the content: by most
    of a pixel at 720 to 96 with blocks of 7.
    """
    return next(length for length in range(size // target, 0, -1) if size % length == 0)


def _scale(frame: Frame, width: int, height: int, interpolation: int) -> Frame:
    # OpenCV's stubs declare a union over every dtype; uint8 in is uint8 out.
    scaled: Any = cv2.resize(frame, (width, height), interpolation=interpolation)
    result: Frame = scaled
    return result
