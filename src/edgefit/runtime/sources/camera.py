"""Cameras of this machine: ``camera:0``, ``/dev/video0``, ``camera:/dev/v4l/by-id/...``.

What is asked of a camera is passed on to its driver and read back, since a driver silently takes
the nearest value that it knows, or none at all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2

from edgefit.errors import InputError
from edgefit.runtime.sources.addresses import CAMERA_DEVICE, CAMERA_PREFIX
from edgefit.runtime.sources.capture import Capture, CaptureConnection, opencv_call
from edgefit.runtime.sources.connection import StreamLost
from edgefit.runtime.sources.options import CameraOptions, SourceOptions
from edgefit.runtime.sources.reconnecting import ReconnectingSource

_V4L2 = sys.platform.startswith("linux")
_MANUAL_EXPOSURE = 1 if _V4L2 else 0.25
"""V4L2_EXPOSURE_MANUAL; the other drivers of OpenCV take 0.25 for manual and 0.75 for automatic."""
_NEARLY = 0.02


def open_camera(text: str, options: SourceOptions) -> ReconnectingSource:
    """A camera.

    Raises:
        InputError: The text names neither a number nor a device, or the pixel format is none.
    """
    device = text.removeprefix(CAMERA_PREFIX)
    if not (device.isascii() and device.isdigit()) and CAMERA_DEVICE.fullmatch(device) is None:
        raise InputError(
            "The text does not name a camera.",
            path=text,
            expected="camera:0, /dev/video0 or camera:/dev/v4l/by-id/NAME",
            remedy="list the cameras with `ls /dev/video* /dev/v4l/by-id/`",
        )
    letters = options.camera.pixel_format
    if letters is not None and not (letters.isascii() and 1 <= len(letters) <= 4):
        raise InputError(
            "The pixel format is not one of a camera.",
            key="camera.pixel_format",
            expected="up to four letters, such as MJPG or YUYV",
            found=letters,
            remedy="list the camera's formats with `v4l2-ctl --list-formats-ext`",
        )
    return camera_source(text, options, partial(_opened, device))


def camera_source(
    name: str, options: SourceOptions, opened: Callable[[], Capture]
) -> ReconnectingSource:
    """A camera behind any object that works like ``cv2.VideoCapture``.

    Args:
        name: The source's name.
        options: What is asked of the camera, and the timeouts.
        opened: Opens the capture; raises StreamLost where it cannot.
    """
    told: set[str] = set()

    def connect() -> CaptureConnection:
        capture = opened()
        with opencv_call:
            refusals = list(adjusted(capture, options.camera))
        for refusal in refusals:
            if refusal not in told:
                told.add(refusal)
                options.tell(f"{name} {refusal}")
        return CaptureConnection(capture)

    return ReconnectingSource(name, connect, options)


def adjusted(capture: Capture, asked: CameraOptions) -> Iterator[str]:
    """Pass what is asked on to the driver; yield one sentence for each value it did not take."""
    # The format comes first: which sizes and rates a camera has depends on it.
    if asked.pixel_format is not None:
        wanted = asked.pixel_format.upper().ljust(4)[:4]
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*wanted))
        given = _four_letters(capture.get(cv2.CAP_PROP_FOURCC))
        if given != wanted.strip():
            yield f"does not take the pixel format {wanted.strip()}: it gives {given or 'its own'}."
    yield from _size(capture, asked)
    if asked.rate is not None:
        yield from _number(capture, cv2.CAP_PROP_FPS, asked.rate, "the rate", " frames a second")
    if asked.exposure is not None:
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, _MANUAL_EXPOSURE)
        yield from _number(capture, cv2.CAP_PROP_EXPOSURE, asked.exposure, "the exposure", "")


def _size(capture: Capture, asked: CameraOptions) -> Iterator[str]:
    if asked.width is None and asked.height is None:
        return
    sides = (
        (cv2.CAP_PROP_FRAME_WIDTH, asked.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, asked.height),
    )
    for side, wanted in sides:
        if wanted is not None:
            capture.set(side, wanted)
    given = [int(capture.get(side)) for side, _ in sides]
    if any(wanted not in (None, got) for (_, wanted), got in zip(sides, given, strict=True)):
        words = " x ".join("any" if wanted is None else str(wanted) for _, wanted in sides)
        yield f"does not take the size {words}: it gives {given[0]} x {given[1]}."


def _number(capture: Capture, which: int, wanted: float, what: str, unit: str) -> Iterator[str]:
    capture.set(which, wanted)
    given = capture.get(which)
    if abs(given - wanted) > _NEARLY * abs(wanted):
        yield f"does not take {what} {wanted:g}{unit}: it states {given:g}."


def _four_letters(code: float) -> str:
    number = int(code) & 0xFFFFFFFF
    return number.to_bytes(4, "little").decode("ascii", "replace").strip(" \x00").upper()


def _opened(device: str) -> Capture:
    which: int | str = int(device) if device.isdigit() else device
    with opencv_call:
        capture = cv2.VideoCapture(which, cv2.CAP_V4L2 if _V4L2 else cv2.CAP_ANY)
        is_open = capture.isOpened()
    if not is_open:
        raise StreamLost(_reason(device))
    return capture


def _reason(device: str) -> str:
    path = Path(f"/dev/video{device}" if device.isdigit() else device)
    if not _V4L2:
        return "the camera cannot be opened; another program may use it"
    if not path.exists():
        return f"there is no {path}"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"this user may not open {path}; add the user to the group video"
    return f"{path} cannot be opened; another program may use it, or it gives no video"
