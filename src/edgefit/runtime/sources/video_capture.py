"""OpenCV's FFmpeg capture: opened without a word on the terminal, asked again after a bad frame."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from edgefit.runtime.images.opencv import quiet_opencv

_TRIES_AT_END = 32
"""Packets that may fail in a row before a count of packets takes them for the end."""
_LOG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
_DEBUG = "OPENCV_FFMPEG_DEBUG"
_AV_LOG_QUIET = "-8"
_VP8_SHOWN = 0x10
_opening = threading.Lock()


def open_capture(path: Path) -> Any:
    """Open a video with OpenCV's FFmpeg backend; ``isOpened()`` says whether that worked.

    The backend is named, since OpenCV would else try others, and one of them takes
    ``clip_01.mp4`` for the first of a series of images.
    """
    built = cv2.CAP_FFMPEG in cv2.videoio_registry.getBackends()
    with quiet_opencv, _quiet_ffmpeg(), _reachable(path) as name:
        return cv2.VideoCapture(name, cv2.CAP_FFMPEG if built else cv2.CAP_ANY)


def count_packets(path: Path) -> int | None:
    """How many frames a file delivers to the decoder; reads the whole file, decodes nothing.

    Returns:
        The number, or None where the capture cannot pass on what it reads.
    """
    capture = open_capture(path)
    try:
        if not capture.isOpened() or not capture.set(cv2.CAP_PROP_FORMAT, -1):
            return None
        return _count(capture, is_vp8=codec_of(capture) == "VP80")
    finally:
        capture.release()


def codec_of(capture: Any) -> str:
    """The four characters of the codec, e.g. ``MJPG``."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    return "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24))


def _count(capture: Any, *, is_vp8: bool) -> int:
    packets = failures = 0
    while failures < _TRIES_AT_END:
        if not capture.grab():
            failures += 1
            continue
        # Between two packets, a failure is one that FFmpeg cannot unpack.
        packets += failures
        failures = 0
        packets += not is_vp8 or _is_shown(capture)
    return packets


def _is_shown(capture: Any) -> bool:
    # VP8 has frames that only others refer to (RFC 6386, 9.1).
    held, packet = capture.retrieve()
    return not held or packet is None or bool(packet.flat[0] & _VP8_SHOWN)


@contextmanager
def _quiet_ffmpeg() -> Iterator[None]:
    """Keep FFmpeg from writing to the terminal; the source says what is wrong instead.

    OpenCV reads the variable once, when it opens its first video. Who sets it, or asks for
    OpenCV's debugging output, keeps that.
    """
    with _opening:
        if _LOG_LEVEL in os.environ or _DEBUG in os.environ:
            yield
            return
        os.environ[_LOG_LEVEL] = _AV_LOG_QUIET
        try:
            yield
        finally:
            del os.environ[_LOG_LEVEL]


@contextmanager
def _reachable(path: Path) -> Iterator[str]:
    """A name that OpenCV accepts and FFmpeg does not take for an address like ``http:``."""
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError:
        # OpenCV takes text only; an open file has a name in digits.
        with path.open("rb") as file:
            yield f"/proc/self/fd/{file.fileno()}"
        return
    yield name
