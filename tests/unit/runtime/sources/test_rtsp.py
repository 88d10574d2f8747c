"""How OpenCV is asked for an RTSP stream; real streams are in tests/e2e/test_live_streams.py."""

from __future__ import annotations

import os
import threading

import cv2
import pytest

from edgefit.errors import InputError, SourceLostError
from edgefit.runtime.sources import SourceOptions, open_source
from edgefit.runtime.sources import rtsp as module
from edgefit.runtime.sources.options import RtspTransport

NAME = "OPENCV_FFMPEG_CAPTURE_OPTIONS"


def _seen_while_opening(
    monkeypatch: pytest.MonkeyPatch, options: SourceOptions
) -> tuple[str, list]:
    """The environment and the arguments that OpenCV gets."""
    seen: list[tuple[str, list]] = []

    class Closed:
        def __init__(self, url: str, backend: int, parameters: list[int]) -> None:
            assert backend == cv2.CAP_FFMPEG
            seen.append((os.environ.get(NAME, ""), [url, *parameters]))

        def isOpened(self) -> bool:
            return False

        def release(self) -> None:
            pass

    monkeypatch.setattr(module.cv2, "VideoCapture", Closed)
    with pytest.raises(SourceLostError):
        list(open_source("rtsp://a:b%40c@127.0.0.1:9/line", options=options))
    return seen[0]


def test_tcp_is_the_default_and_the_timeouts_reach_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    before = dict(os.environ)
    options = SourceOptions(open_timeout_s=2.5, read_timeout_s=1.5, give_up_s=0)
    environment, (url, *numbers) = _seen_while_opening(monkeypatch, options)
    assert "rtsp_transport;tcp" in environment.split("|")
    assert url == "rtsp://a:b%40c@127.0.0.1:9/line"
    asked = dict(zip(numbers[::2], numbers[1::2], strict=True))
    assert asked[cv2.CAP_PROP_OPEN_TIMEOUT_MSEC] == 2500
    assert asked[cv2.CAP_PROP_READ_TIMEOUT_MSEC] == 1500
    assert dict(os.environ) == before


def test_the_users_own_options_come_last_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "max_delay;5")
    before = dict(os.environ)
    options = SourceOptions(give_up_s=0, rtsp_transport=RtspTransport.UDP)
    environment, _ = _seen_while_opening(monkeypatch, options)
    assert environment.startswith("rtsp_transport;udp|") and environment.endswith("|max_delay;5")
    assert dict(os.environ) == before


def test_streams_with_other_options_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def open_slowly() -> None:
        with module._ffmpeg_options.set_to("a;1"):
            inside.set()
            leave.wait(5)
            order.append(os.environ[NAME])

    def open_other() -> None:
        with module._ffmpeg_options.set_to("b;2"):
            order.append(os.environ[NAME])

    threads = [threading.Thread(target=open_slowly), threading.Thread(target=open_other)]
    threads[0].start()
    assert inside.wait(2)
    threads[1].start()
    with module._ffmpeg_options.set_to("a;1"):  # the same options do not wait
        assert os.environ[NAME] == "a;1"
    leave.set()
    for thread in threads:
        thread.join(5)
    assert order == ["a;1", "b;2"] and NAME not in os.environ


def test_an_address_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        open_source("rtsp://anna:geh/eim@host/line")
