"""From the bytes of an image file to a frame. A damaged or incomplete file is an error.

Decoders are lenient: they fill a truncated JPEG with grey where the data is missing. The network
would classify such a frame as if it were real, so files are first checked for completeness.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.containers import (
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    TIFF_SIGNATURES,
    is_webp,
    require_whole_jpeg,
    require_whole_png,
    webp_orientation,
)
from edgefit.runtime.images.geometry import shrink_ratio
from edgefit.spec import Frame, InputSpec, JpegDecode

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
_PNM_SUFFIXES = (".ppm", ".pgm", ".pbm", ".pnm")
IMAGE_SUFFIXES = frozenset(
    [*_JPEG_SUFFIXES, *_PNM_SUFFIXES, ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp"]
)
"""File name extensions, lower case, that are read as images."""

_SILENT = 0
_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def decode_image(source: Path | bytes, spec: InputSpec | None = None) -> Frame:
    """Decode an image file.

    It reads 8- and 16-bit grey, palette, RGB, RGBA (composited over white), CMYK JPEG and TIFF. It
    applies the EXIF orientation and reduces 16 bits to 8 by ``>> 8`` (:func:`.as_frame`).

    With ``spec.jpeg_decode == "scaled"``, a JPEG that is at least twice too large in both
    directions is shrunk by 2, 4 or 8 while it is decoded (libjpeg's scaled DCT), never below the
    size that the input needs. Measured on 1280x720 photographs, to 224x224: a file becomes an input
    in 0.4 of the time, and the input differs from the exact one by 0.7 grey levels on average
    (15 at the 99.9th percentile). A file and its fully decoded array then give different inputs,
    which is why ``exact`` is the default.

    Args:
        source: A file, or a file's bytes.
        spec: The input contract; without it every pixel is decoded.

    Returns:
        ``uint8`` (H, W, 3) RGB, C-contiguous.

    Raises:
        FrameError: The file is missing, empty, cut off, damaged or not an image; the error carries
            its path.
    """
    if isinstance(source, bytes):
        return _decode_bytes(source, None, spec)
    try:
        data = source.read_bytes()
    except OSError as error:
        raise FrameError(
            "The image file cannot be read.", path=source, found=error.strerror
        ) from error
    return _decode_bytes(data, source, spec)


def _decode_bytes(data: bytes, path: Path | None, spec: InputSpec | None) -> Frame:
    if not data:
        raise FrameError("The image file is empty.", path=path, found="0 bytes")
    if data.startswith(JPEG_SIGNATURE):
        return _decode_jpeg(data, path, spec)
    orientation = 1
    if data.startswith(PNG_SIGNATURE):
        orientation = require_whole_png(data, path)
    elif is_webp(data):
        orientation = webp_orientation(data)
    # The only mode that keeps alpha. It leaves the orientation of PNG and WebP to the caller;
    # libtiff itself applies the orientation of TIFF.
    pixels = _opencv_decode(data, path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        swap = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
        pixels = cv2.cvtColor(pixels, swap)
    # libtiff's 8-bit reader multiplies colours by alpha; its 16-bit reader and PNG do not.
    premultiplied = data.startswith(TIFF_SIGNATURES) and pixels.dtype == np.uint8
    try:
        return _upright(as_frame(pixels, premultiplied=premultiplied), orientation)
    except FrameError as error:
        raise FrameError(
            error.message, path=path, expected=error.expected, found=error.found
        ) from None


def _opencv_decode(data: bytes, path: Path | None, flags: int) -> NDArray[Any]:
    with quiet_opencv:
        try:
            pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            raise _unreadable(data, path) from error
    if pixels is None or pixels.size == 0:
        raise _unreadable(data, path)
    decoded: NDArray[Any] = pixels
    return decoded


def _decode_jpeg(data: bytes, path: Path | None, spec: InputSpec | None) -> Frame:
    width, height = require_whole_jpeg(data, path)
    factor = _jpeg_reduction(width, height, spec)
    pixels = _opencv_decode(data, path, _REDUCED[factor])
    return as_frame(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)))


def _jpeg_reduction(width: int, height: int, spec: InputSpec | None) -> int:
    if spec is None or spec.jpeg_decode != JpegDecode.SCALED:
        return 1
    # The orientation is not known yet: use a factor that is safe for portrait and landscape.
    ratio = min(shrink_ratio(width, height, spec), shrink_ratio(height, width, spec))
    return next((factor for factor in (8, 4, 2) if ratio >= factor), 1)


def _upright(frame: Frame, orientation: int) -> Frame:
    if orientation >= 5:
        frame = frame.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        frame = frame[::-1]
    if orientation in (2, 3, 6, 7):
        frame = frame[:, ::-1]
    return np.ascontiguousarray(frame)


def _unreadable(data: bytes, path: Path | None) -> FrameError:
    return FrameError(
        "The file is damaged or not an image.",
        path=path,
        expected="JPEG, PNG, BMP, TIFF, WebP or PNM",
        found=f"{len(data)} bytes that start with {data[:8]!r}",
    )


def _set_log_level(level: int) -> int:
    """Set OpenCV's log level and return the previous one; OpenCV 4.13 moved the function."""
    home = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging
    former: int = home.setLogLevel(level)
    return former


class _QuietOpencv:
    """Silences OpenCV's log while a file is decoded; the decoder raises the error instead.

    The level is process-wide, so threads that decode at the same time share one change.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._level = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._level = _set_log_level(_SILENT)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _set_log_level(self._level)


quiet_opencv = _QuietOpencv()
