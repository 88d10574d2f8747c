"""An image that is polled: each new one is a frame, and none comes twice."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

import pytest

from edgefit.runtime.sources import CameraOptions
from tests.camera_server import Request, camera, jpeg
from tests.watched_source import QUICK, watched

OFTEN = replace(QUICK, camera=CameraOptions(rate=50))


def test_the_same_bytes_are_not_a_new_frame() -> None:
    def behave(request: Request) -> None:
        request.head("image/jpeg")
        request.wfile.write(jpeg(10 * (1 + len(request.server.requests) // 4)))

    with camera(behave) as server, watched(server.url, OFTEN) as seen:
        frames = list(seen.wait_for(4))
    greys = [frame.frame.mean() for frame in frames if frame.frame is not None]
    assert greys[:4] == pytest.approx([10, 20, 30, 40], abs=1)
    assert len(server.requests) >= 12


def test_a_tag_saves_the_transfer_and_an_unchanged_image_is_a_sign_of_life() -> None:
    asked = []

    def behave(request: Request) -> None:
        asked.append(request.headers.get("If-None-Match"))
        if asked[-1] == '"a"':
            return request.head("image/jpeg", 304)
        request.head("image/jpeg", ETag='"a"')
        request.wfile.write(jpeg(50))

    with camera(behave) as server, watched(server.url, OFTEN) as seen:
        seen.wait_for(1)
        time.sleep(0.8)
        assert seen.told == [], "it answers, so it is not lost"
    assert len(seen.frames) == 1
    assert asked[0] is None and set(asked[1:]) == {'"a"'} and len(asked) > 10


def test_the_rate_is_kept_and_a_slow_poll_does_not_count_as_a_stall() -> None:
    def behave(request: Request) -> None:
        request.head("image/png")
        request.wfile.write(jpeg(len(request.server.requests)))

    slow = replace(QUICK, read_timeout_s=0.2, camera=CameraOptions(rate=2.5))
    with camera(behave) as server, watched(server.url, slow) as seen:
        frames = list(seen.wait_for(3))
    gaps = [b.arrived_monotonic_s - a.arrived_monotonic_s for a, b in pairwise(frames)]
    assert gaps == pytest.approx([0.4, 0.4], abs=0.15)
    assert seen.told == []


def test_an_image_that_is_cut_off_is_tried_again_and_a_damaged_one_is_an_error() -> None:
    def behave(request: Request) -> None:
        turn = len(request.server.requests)
        data = jpeg(turn)
        request.head("image/jpeg", Content_Length=str(len(data)))
        request.wfile.write({2: data[:-20], 3: b"x" * len(data)}.get(turn, data))

    with camera(behave) as server, watched(server.url, OFTEN) as seen:
        frames = list(seen.wait_for(3))
    assert [frame.error is None for frame in frames] == [True, False, True]
    assert "cut off" in seen.told[0] and "is back" in seen.told[1]
