"""What OpenCV's captures give, through a stand-in for one."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2
import numpy as np
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.sources.capture import CaptureConnection, _OpencvCall
from edgefit.runtime.sources.connection import StreamLost


class StandIn:
    """Works like ``cv2.VideoCapture``.

    Args:
        frames: What ``retrieve`` gives; None is a frame that cannot be decoded.
        knows: For each property the values that the driver takes; others leave it as it is.
    """

    def __init__(self, *frames: Any, knows: dict[int, list[float]] | None = None) -> None:
        self._frames = list(frames)
        self._knows = knows or {}
        self.now = {which: values[0] for which, values in self._knows.items()}
        self.released = False
        self.asked: list[int] = []
        self._count = 0

    def isOpened(self) -> bool:
        return not self.released

    def grab(self) -> bool:
        self._count += 1
        return self._count <= len(self._frames)

    def retrieve(self) -> tuple[bool, Any]:
        pixels = self._frames[self._count - 1]
        if isinstance(pixels, Exception):
            raise pixels
        return pixels is not None, pixels

    def get(self, propId: int) -> float:
        if propId == cv2.CAP_PROP_POS_MSEC:
            return 40.0 * self._count
        return self.now.get(propId, 0.0)

    def set(self, propId: int, value: float) -> bool:
        self.asked.append(propId)
        if value in self._knows.get(propId, []):
            self.now[propId] = value
        return True

    def release(self) -> None:
        self.released = True


def test_frames_are_rgb_with_their_presentation_time() -> None:
    blue = np.zeros((4, 6, 3), np.uint8)
    blue[..., 0] = 200
    connection = CaptureConnection(StandIn(blue, np.full((4, 6), 9, np.uint8), None))
    shot, grey, damaged = connection.read(), connection.read(), connection.read()
    assert (shot.time_s, grey.time_s) == (0.04, 0.08)
    assert shot.decode().frame[0, 0].tolist() == [0, 0, 200]
    assert grey.decode().frame.shape == (4, 6, 3)
    with pytest.raises(FrameError, match="damaged"):
        damaged.decode()


def test_the_end_and_a_failing_driver_are_losses() -> None:
    connection = CaptureConnection(StandIn(cv2.error("out of memory")))
    with pytest.raises(StreamLost, match="driver failed"):
        connection.read()
    with pytest.raises(StreamLost, match="it ended"):
        connection.read()


def test_close_releases() -> None:
    capture = StandIn()
    CaptureConnection(capture).close()
    assert capture.released


def test_a_process_that_ends_waits_for_calls_and_allows_no_further_one() -> None:
    call, inside = _OpencvCall(), threading.Event()

    def hang() -> None:
        with call:
            inside.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hang)
    thread.start()
    assert inside.wait(2)
    began = time.monotonic()
    call.leave()
    assert 0.2 < time.monotonic() - began < 2
    with pytest.raises(StreamLost, match="process ends"), call:
        pass
    thread.join()
