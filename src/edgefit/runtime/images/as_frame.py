"""From any array of a camera or a decoder to a frame: ``uint8`` (H, W, 3), RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.spec import Frame

_STRIP_PIXELS = 1 << 18


def as_frame(pixels: NDArray[Any], *, premultiplied: bool = False, bits: int = 16) -> Frame:
    """Convert pixels to the one form that the rest of edgefit knows.

    - Grey (H, W) or (H, W, 1) is repeated over the three channels.
    - ``uint16`` keeps the high byte of the bits in use: ``>> 8`` for 16, so 65535 becomes 255, and
      ``>> 4`` for 12, so 4095 does. Values above become 255.
    - (H, W, 4) is RGBA with straight alpha. It is composited over white, as viewers show it.

    Args:
        pixels: ``uint8`` or ``uint16`` (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA, in any
            memory order.
        premultiplied: Whether the colours of an RGBA array are already multiplied by its alpha.
        bits: How many of its 16 bits a ``uint16`` array uses, 9 to 16.

    Returns:
        ``uint8`` (H, W, 3) RGB, C-contiguous. It is ``pixels`` itself where they have this form.

    Raises:
        FrameError: Another shape or dtype, or no pixels.
    """
    if not isinstance(pixels, np.ndarray):
        raise FrameError(
            "A frame must be a numpy array.", expected="numpy.ndarray", found=type(pixels).__name__
        )
    _check_shape(pixels)
    if pixels.dtype == np.uint16:
        pixels = _high_byte(pixels, bits)
    elif pixels.dtype != np.uint8:
        raise FrameError(
            "The number format of a frame is not supported.",
            expected="uint8 (0 to 255) or uint16 (0 to 65535)",
            found=pixels.dtype,
        )
    pixels = np.ascontiguousarray(pixels)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    if channels == 1:
        return _as_uint8(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if channels == 4:
        return _over_white(pixels, premultiplied)
    return pixels


def _check_shape(pixels: NDArray[Any]) -> None:
    channels_fit = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))
    if not channels_fit or pixels.size == 0:
        raise FrameError(
            "An array does not have the shape of a frame.",
            expected="(H, W), (H, W, 1), (H, W, 3) or (H, W, 4), at least one pixel",
            found=pixels.shape,
        )


def _high_byte(pixels: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    high = pixels >> (bits - 8)
    if bits < 16:
        np.minimum(high, 255, out=high)
    return high.astype(np.uint8)


def _over_white(pixels: NDArray[np.uint8], premultiplied: bool) -> Frame:
    if bool(np.all(pixels[..., 3] == 255)):
        return np.ascontiguousarray(pixels[..., :3])
    frame = np.empty((*pixels.shape[:2], 3), np.uint8)
    # In strips: the sums are several times as large as the pixels.
    rows = max(1, _STRIP_PIXELS // pixels.shape[1])
    for start in range(0, len(pixels), rows):
        frame[start : start + rows] = _strip_over_white(pixels[start : start + rows], premultiplied)
    return frame


def _strip_over_white(pixels: NDArray[np.uint8], premultiplied: bool) -> Frame:
    colour, alpha = pixels[..., :3], pixels[..., 3:]
    # The largest sum is 255 * 255 + 127 = 65152: it fits 16 bits.
    white = (255 - alpha.astype(np.uint16)) * 255
    lit = colour.astype(np.uint16) * (255 if premultiplied else alpha.astype(np.uint16))
    # A premultiplied colour above its alpha (rounded by the writer) must not wrap around.
    total = np.minimum(lit.astype(np.uint32) + white + 127, 255 * 255 + 127)
    return np.asarray(total // 255).astype(np.uint8)


def _as_uint8(pixels: Any) -> Frame:
    # OpenCV's stubs declare a union over every dtype; the dtype was checked above.
    frame: Frame = pixels
    return frame
