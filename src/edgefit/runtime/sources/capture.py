"""A connection through ``cv2.VideoCapture``: for cameras and for RTSP.

Nothing interrupts OpenCV's calls; they end by their own timeouts. A process must not end while one
of its threads returns from such a call: CPython then ends the thread by unwinding it through C++
code, which aborts the process. So the process waits at its end until no call is under way.
"""

from __future__ import annotations

import atexit
import threading
import time
from functools import partial
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.decode import DecodedImage
from edgefit.runtime.images.opencv import quiet_opencv
from edgefit.runtime.sources.connection import Connection, Shot, StreamLost


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...

    def grab(self) -> bool: ...

    def retrieve(self) -> tuple[bool, Any]: ...

    def get(self, propId: int) -> float: ...

    def set(self, propId: int, value: float) -> bool: ...

    def release(self) -> None: ...


class _OpencvCall:
    """Entered for each call that may wait, by any number of threads; OpenCV's log is silent."""

    _LONGEST_S = 20.0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._registered = self._leaving = False

    def __enter__(self) -> None:
        with self._changed:
            if self._leaving:
                raise StreamLost("the process ends")
            if not self._registered:
                self._registered = True
                atexit.register(self.leave)
            self._under_way += 1
        quiet_opencv.__enter__()

    def __exit__(self, *_: object) -> None:
        quiet_opencv.__exit__()
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def leave(self) -> None:
        """Allow no further call, and wait for those that are under way."""
        until = time.monotonic() + self._LONGEST_S
        with self._changed:
            self._leaving = True
            while self._under_way and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)


opencv_call = _OpencvCall()
"""Hold it around OpenCV's calls for cameras and streams."""


class CaptureConnection(Connection):
    """Frames of an open capture. A read that hangs is left to its thread.

    Args:
        capture: Open; it is released by :meth:`close`.
    """

    def __init__(self, capture: Capture) -> None:
        self._capture = capture

    def read(self) -> Shot:
        """The next frame; its colours are put in order only when it is decoded."""
        try:
            with opencv_call:
                if not self._capture.grab():
                    raise StreamLost("it ended, or gave nothing in time")
                decoded, pixels = self._capture.retrieve()
                time_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        except cv2.error as error:
            raise StreamLost("OpenCV's driver failed") from error
        return Shot(partial(_in_rgb, pixels if decoded else None), time_s if time_s > 0 else None)

    def close(self) -> None:
        """Release the camera or the stream."""
        with opencv_call:
            self._capture.release()


def _in_rgb(pixels: NDArray[Any] | None) -> DecodedImage:
    if pixels is None or pixels.size == 0:
        raise FrameError("The frame is damaged.")
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return DecodedImage(as_frame(np.asarray(pixels)))
