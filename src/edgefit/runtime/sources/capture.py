"""A connection through ``cv2.VideoCapture``: for cameras and for RTSP."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.decode import _quiet_opencv
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost
from edgefit.spec import Frame


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def get(self, propId: int) -> float: ...

    def set(self, propId: int, value: float) -> bool: ...

    def release(self) -> None: ...


class CaptureConnection(Connection):
    """Frames of an open capture. OpenCV's calls cannot be interrupted, so :meth:`interrupt` is
    that of the base class and a read that hangs is left to its thread.

    Args:
        capture: Open; it is released by :meth:`close`.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def read(self) -> Shot:
        """The next frame; its colours are put in order only when it is decoded."""
        try:
            with _quiet_opencv:
                if not self._capture.grab():
                    raise StreamLost("it ended, or gave nothing in time")
                decoded, pixels = self._capture.retrieve()
        except cv2.error as error:
            raise StreamLost("OpenCV's driver failed") from error
        time_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return Shot(partial(_in_rgb, pixels if decoded else None), time_s if time_s > 0 else None)

    def close(self) -> None:
        """Release the camera or the stream."""
        self._capture.release()


def _in_rgb(pixels: NDArray[Any] | None) -> Frame:
    if pixels is None or pixels.size == 0:
        raise FrameError("The frame is damaged.")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return as_frame(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)))
    return as_frame(pixels)
