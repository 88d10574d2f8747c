"""OpenCV's decoders, without their messages on standard error."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.other_kinds import other_kind

_SILENT = 0


def opencv_decode(data: bytes, path: Path | None, flags: int) -> NDArray[Any]:
    """Decode the first image of a file.

    Args:
        data: The file.
        path: The file's name, for an error.
        flags: OpenCV's ``IMREAD_`` flags.

    Returns:
        As OpenCV gives it: BGR or BGRA, ``uint8`` or another depth.

    Raises:
        FrameError: OpenCV cannot decode it.
    """
    with quiet_opencv:
        try:
            pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        except cv2.error as error:
            raise unreadable(data, path) from error
    if pixels is None or pixels.size == 0:
        raise unreadable(data, path)
    decoded: NDArray[Any] = pixels
    return decoded


def unreadable(data: bytes, path: Path | None) -> FrameError:
    """The error of a file that no decoder takes."""
    kind = other_kind(data)
    return FrameError(
        "The file is damaged or not an image."
        if kind is None
        else f"The file is {kind}, which is not read as an image.",
        path=path,
        expected="JPEG, PNG, BMP, TIFF, WebP, GIF, AVIF, PNM or HEIC",
        found=f"{len(data)} bytes that begin with {data[:8]!r}",
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
