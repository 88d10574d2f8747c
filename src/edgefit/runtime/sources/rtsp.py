"""RTSP cameras, read by OpenCV's FFmpeg; docs/decisions says why not by PyAV."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from edgefit.runtime.sources.addresses import Address, address_of
from edgefit.runtime.sources.capture import CaptureConnection, opencv_call
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.reconnecting import ReconnectingSource
from edgefit.runtime.sources.rtsp_answer import why_it_does_not_open


def open_rtsp(text: str, options: SourceOptions) -> ReconnectingSource:
    """An RTSP stream.

    Raises:
        InputError: The address cannot be read.
    """
    address = address_of(text)
    return ReconnectingSource(address.shown, lambda: _connect(address, options), options)


def _connect(address: Address, options: SourceOptions) -> CaptureConnection:
    """Open the stream.

    Raises:
        StreamLost: It does not open now.
        InputError: The server refuses the password.
    """
    parameters = [
        (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * options.open_timeout_s)),
        (cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * options.read_timeout_s)),
        # With more, FFmpeg holds a frame back for each further thread.
        (cv2.CAP_PROP_N_THREADS, 1),
    ]
    wanted = [
        f"rtsp_transport;{options.rtsp_transport}",
        "allowed_media_types;video",
        "fpsprobesize;0",  # the rate is not used; measuring it takes a second of each opening
    ]
    with _ffmpeg_options.set_to("|".join(wanted)), opencv_call:
        capture = cv2.VideoCapture(
            address.url_with_password,
            cv2.CAP_FFMPEG,  # any other reader would print the address in its complaint
            [number for pair in parameters for number in pair],
        )
        is_open = capture.isOpened()
    if not is_open:
        raise why_it_does_not_open(address, options.open_timeout_s)
    return CaptureConnection(capture)


class _FfmpegOptions:
    """Sets OpenCV's variables of the environment while streams open, and puts them back.

    OpenCV takes FFmpeg's options from nowhere else. Streams that ask for the same options open at
    the same time; others wait. A value that the user set is kept and comes last, so that it wins.
    """

    _OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    _LOG_LEVEL = "OPENCV_FFMPEG_LOGLEVEL"
    _SILENT = "-8"

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._current = ""
        self._users = 0
        self._former: dict[str, str | None] = {}

    @contextmanager
    def set_to(self, text: str) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: self._users == 0 or self._current == text)
            if self._users == 0:
                self._set(text)
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                if self._users == 0:
                    self._restore()
                    self._changed.notify_all()

    def _set(self, text: str) -> None:
        self._current = text
        self._former = {name: os.environ.get(name) for name in (self._OPTIONS, self._LOG_LEVEL)}
        own = self._former[self._OPTIONS]
        os.environ[self._OPTIONS] = f"{text}|{own}" if own else text
        # FFmpeg reads its level once in a process. Where it can, it reads silence: it would
        # repeat its complaint at each attempt.
        os.environ.setdefault(self._LOG_LEVEL, self._SILENT)

    def _restore(self) -> None:
        for name, value in self._former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_ffmpeg_options = _FfmpegOptions()
