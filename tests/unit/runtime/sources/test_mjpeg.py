"""Images in a stream of bytes, whatever lies between them."""

from __future__ import annotations

import random
import time

import cv2
import numpy as np
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.sources.mjpeg import Part, Parts
from tests.camera_server import Request, camera, jpeg
from tests.watched_source import watched


def _head(length: object = None, boundary: str = "frame", more: str = "") -> bytes:
    stated = "" if length is None else f"Content-Length: {length}\r\n"
    return f"--{boundary}\r\nContent-Type: image/jpeg\r\n{stated}{more}\r\n".encode()


def _found(data: bytes, piece: int = 7, most: int = 2**20) -> list[Part]:
    parts = Parts(most)
    found = []
    for start in range(0, len(data), piece):
        parts.feed(data[start : start + piece])
        while (part := parts.take()) is not None:
            found.append(part)
    parts.end()
    last = parts.take()
    return found if last is None else [*found, last]


def _noisy(quality: int = 95, progressive: bool = False) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 80, 3)).astype(np.uint8)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    return cv2.imencode(".jpg", pixels, [*flags, cv2.IMWRITE_JPEG_RST_INTERVAL, 2])[1].tobytes()


@pytest.mark.parametrize("piece", [1, 2, 3, 100, 100_000])
@pytest.mark.parametrize(
    "between",
    [
        _head(None) + b"",
        b"\r\n" + _head(17),
        b"\r\n" + _head(10**9),
        b"\r\n" + _head(-3),
        b"\r\n" + _head("many"),
        b"\r\n" + _head(None, boundary="quite another"),
        b"--frame\nContent-type: image/jpeg\n\n",
        b"",
        b"rubbish \xff\xfe\x00\xff\xd9\xff",
        b"\x00" * 9000,
    ],
)
def test_images_are_found_whatever_the_server_says_of_them(between: bytes, piece: int) -> None:
    images = [_noisy(), jpeg(7), _noisy(progressive=True), jpeg(200)]
    found = _found(b"".join(between + image for image in images) + between, piece)
    assert [part.data for part in found] == images
    assert all(part.whole for part in found)


@pytest.mark.parametrize("keep", [4, 21, 30, 60, 100, 200, 400, 600, 700, 1000, -40, -1])
@pytest.mark.parametrize("piece", [1, 64, 100_000])
def test_an_image_that_is_cut_is_one_error_and_the_next_one_is_whole(keep: int, piece: int) -> None:
    good, following = _noisy(), jpeg(99)
    stream = _head() + good[:keep] + b"\r\n" + _head() + following + b"\r\n" + _head() + good
    damaged, second, third = _found(stream, piece)
    assert not damaged.whole and second.data == following and third.data == good
    with pytest.raises(FrameError, match="cut off after"):
        damaged.decode(None)


def test_an_image_of_an_image_in_the_fields_is_not_taken_for_a_frame() -> None:
    """A preview (Exif) is a JPEG inside the JPEG's own fields."""
    image, preview = _noisy(), jpeg(1)
    exif = b"Exif\x00\x00" + preview
    whole = image[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + image[2:]
    for piece in (1, 50, 100_000):
        assert [part.data for part in _found(_head() + whole + _head() + image, piece)] == [
            whole,
            image,
        ]


def test_damaged_bytes_never_lose_the_images_after_them() -> None:
    good, following = _noisy(), jpeg(99)
    rng = random.Random(1)
    for _ in range(60):
        hurt = bytearray(good)
        for _ in range(rng.choice([1, 3, 20])):
            hurt[rng.randrange(3, len(hurt))] = rng.choice([0, 0xFF, rng.randrange(256)])
        stream = _head() + bytes(hurt) + b"\r\n" + 70 * (_head() + following + b"\r\n")
        found = _found(stream, 4096)
        # a length in a damaged field may reach over following images; each counts as damaged once
        assert [part.data for part in found][-3:] == [following] * 3
        assert sum(part.data == following for part in found) >= 69


def test_what_never_ends_is_bounded_and_does_not_slow_down() -> None:
    parts = Parts(most=2**20)
    began = time.perf_counter()
    for _ in range(400):
        parts.feed(b"\xff\xd8\xff\xe0\x00\x04ab" + b"no marker " * 1000)
    assert time.perf_counter() - began < 2
    assert len(parts._buffer) <= 2**20 + 20_000
    part = parts.take()
    assert part is not None and not part.whole


def test_the_time_of_a_part_is_taken_from_its_fields() -> None:
    stream = _head(more="X-Timestamp: 12.500000\r\n") + jpeg(1) + _head() + jpeg(2)
    assert [part.time_s for part in _found(stream)] == [12.5, None]


def test_a_damaged_part_is_an_error_frame_and_reading_goes_on() -> None:
    def behave(request: Request) -> None:
        request.stream()
        for data in (jpeg(10), jpeg(20)[:-30], jpeg(30)):
            request.part(data)
        request.sleep(5)

    with camera(behave) as server, watched(server.url) as seen:
        frames = list(seen.wait_for(3))
    assert [frame.error is None for frame in frames] == [True, False, True]
    assert frames[2].frame is not None and frames[2].frame.mean() == pytest.approx(30, abs=1)
    assert frames[1].name == f"{server.url}#1" and seen.told == []
