"""Cameras, through a stand-in for OpenCV's capture: no test machine has a camera."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgefit.errors import InputError, SourceLostError
from edgefit.runtime.sources import CameraOptions, SourceOptions, open_source, reconnecting
from edgefit.runtime.sources.camera import camera_source
from edgefit.runtime.sources.connection import StreamLost
from tests.unit.runtime.sources.test_capture import StandIn

ASKED = CameraOptions(width=1280, height=720, rate=30, pixel_format="mjpg", exposure=50)
MJPG = cv2.VideoWriter.fourcc(*"MJPG")
YUYV = cv2.VideoWriter.fourcc(*"YUYV")
EVERYTHING = {
    cv2.CAP_PROP_FOURCC: [YUYV, MJPG],
    cv2.CAP_PROP_FRAME_WIDTH: [640, 1280],
    cv2.CAP_PROP_FRAME_HEIGHT: [480, 720],
    cv2.CAP_PROP_FPS: [15, 30],
    cv2.CAP_PROP_EXPOSURE: [100, 50],
}
FRAME = np.zeros((4, 6, 3), np.uint8)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnecting, "FIRST_WAIT_S", 0.01)


def _told(asked: CameraOptions, knows: dict[int, list[float]], connections: int = 2) -> list[str]:
    """What a camera that is lost after each frame tells of what it was asked."""
    told: list[str] = []
    options = SourceOptions(camera=asked, tell=told.append)
    source = camera_source("camera:0", options, lambda: StandIn(FRAME, knows=knows))
    assert len(list(itertools.islice(source, connections))) == connections
    source.stop()
    return [line for line in told if " does not take " in line]


def test_what_the_driver_takes_is_not_spoken_of() -> None:
    assert _told(ASKED, EVERYTHING) == []
    assert _told(CameraOptions(), {}) == []


def test_what_the_driver_does_not_take_is_told_once() -> None:
    keeps = {which: values[:1] for which, values in EVERYTHING.items()}
    assert _told(ASKED, keeps) == [
        "camera:0 does not take the pixel format MJPG: it gives YUYV.",
        "camera:0 does not take the size 1280 x 720: it gives 640 x 480.",
        "camera:0 does not take the rate 30 frames a second: it states 15.",
        "camera:0 does not take the exposure 50: it states 100.",
    ]


def test_only_what_is_asked_is_set_and_the_format_comes_first() -> None:
    capture = StandIn(FRAME, knows=EVERYTHING)
    source = camera_source("c", SourceOptions(camera=ASKED), lambda: capture)
    next(iter(source))
    source.stop()
    assert capture.asked[0] == cv2.CAP_PROP_FOURCC
    exposure = capture.asked.index(cv2.CAP_PROP_EXPOSURE)
    assert capture.asked[exposure - 1] == cv2.CAP_PROP_AUTO_EXPOSURE, "automatic would win"
    untouched = StandIn(FRAME)
    source = camera_source("c", SourceOptions(), lambda: untouched)
    next(iter(source))
    source.stop()
    assert untouched.asked == []


def test_a_camera_that_is_unplugged_comes_back() -> None:
    captures = iter([StandIn(FRAME), None, StandIn(FRAME, FRAME)])

    def opened() -> StandIn:
        capture = next(captures)
        if capture is None:
            raise StreamLost("there is no /dev/video0")
        return capture

    told: list[str] = []
    source = camera_source("camera:0", SourceOptions(tell=told.append), opened)
    frames = list(itertools.islice(source, 3))
    source.stop()
    assert [frame.name for frame in frames] == ["camera:0#0", "camera:0#1", "camera:0#2"]
    assert "is lost" in told[0] and "is back" in told[1] and source.live


@pytest.mark.parametrize("text", ["camera:", "camera:front", "camera:-1", "camera:/tmp/x"])
def test_a_text_that_names_no_camera_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="does not name a camera"):
        open_source(text)


@pytest.mark.parametrize("letters", ["", "MJPEG", "Mü"])
def test_a_pixel_format_that_is_none_is_refused(letters: str) -> None:
    options = SourceOptions(camera=CameraOptions(pixel_format=letters))
    with pytest.raises(InputError, match="pixel format"):
        open_source("camera:0", options=options)


@pytest.mark.parametrize("text", ["camera:77", "/dev/video77", "camera:/dev/v4l/by-id/none"])
def test_a_camera_that_is_not_there_is_given_up(text: str) -> None:
    source = open_source(text, options=replace(SourceOptions(), give_up_s=0))
    assert source.name == text
    with pytest.raises(SourceLostError, match=r"there is no /dev/v|cannot be opened"):
        list(source)
