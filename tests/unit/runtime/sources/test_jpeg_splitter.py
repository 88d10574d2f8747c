"""A stream of bytes, cut into JPEG images."""

from __future__ import annotations

import random
import struct

import cv2
import numpy as np
import pytest

from edgefit.runtime.sources import jpeg_splitter
from edgefit.runtime.sources.jpeg_splitter import JpegSplitter


def jpeg(seed: int, *options: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 56, 3), np.uint8)
    data: bytes = cv2.imencode(".jpg", pixels, options)[1].tobytes()
    return data


def with_thumbnail(data: bytes) -> bytes:
    inside = b"Exif\0\0" + jpeg(99)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(inside) + 2) + inside + data[2:]


IMAGES = [
    jpeg(1),
    jpeg(2, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    jpeg(3, cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    with_thumbnail(jpeg(4)),
    jpeg(5, cv2.IMWRITE_JPEG_QUALITY, 100),
]
MULTIPART = b"\r\n--ffmpeg\r\nContent-type: image/jpeg\r\nContent-length: 999\r\n\r\n"


def split(stream: bytes, piece: int = 4096) -> list[bytes | str]:
    splitter = JpegSplitter()
    found: list[bytes | str] = []
    for start in range(0, len(stream), piece):
        found += splitter.split(stream[start : start + piece])
    return [*found, *splitter.end()]


def kinds(stream: bytes) -> list[str]:
    """The number of each image; the errors as they are."""
    return [
        found if isinstance(found, str) else str(IMAGES.index(found)) for found in split(stream)
    ]


@pytest.mark.parametrize("piece", [1, 2, 7, 1000, 10**6])
@pytest.mark.parametrize("between", [b"", b"\0\0\0", b"\xff\xff\xff", b"\r\n", MULTIPART])
def test_images_are_found_wherever_the_stream_is_cut(piece: int, between: bytes) -> None:
    stream = between + between.join(IMAGES) + between
    assert split(stream, piece) == IMAGES


def test_the_end_of_a_multipart_stream_is_no_error() -> None:
    assert kinds(MULTIPART + IMAGES[0] + b"\r\n--ffmpeg--\r\n") == ["0"]


def test_a_cut_off_end_is_one_error() -> None:
    for kept in (3, 20, len(IMAGES[1]) // 2, len(IMAGES[1]) - 1):
        first, error = kinds(IMAGES[0] + IMAGES[1][:kept])
        assert first == "0"
        assert error == f"The stream ends inside a JPEG, after {kept} bytes of it."


def test_an_image_that_is_cut_off_in_the_middle_is_one_error() -> None:
    stream = IMAGES[0] + IMAGES[1][: len(IMAGES[1]) // 2] + IMAGES[2]
    first, error, last = kinds(stream)
    assert (first, last) == ("0", "2")
    assert "cut off" in error


def test_rubbish_between_images_is_one_error() -> None:
    rubbish = random.Random(0).randbytes(5000).replace(b"\xff", b"")
    first, error, last = kinds(IMAGES[0] + rubbish + IMAGES[2])
    assert (first, last) == ("0", "2")
    assert error == f"{len(rubbish)} bytes of the stream do not belong to a JPEG."
    assert len(kinds(IMAGES[0] + rubbish)) == 2


def test_an_image_without_its_beginning_is_one_error() -> None:
    first, error, last = kinds(IMAGES[0] + IMAGES[1][3:] + IMAGES[2])
    assert (first, last) == ("0", "2")
    assert "do not belong" in error


def test_a_thumbnail_of_a_damaged_image_is_not_taken_for_an_image() -> None:
    broken = bytearray(IMAGES[3])
    broken[4:6] = b"\0\x20"
    first, error, last = kinds(IMAGES[0] + broken + IMAGES[2])
    assert (first, last) == ("0", "2")
    assert error == "A JPEG of the stream is damaged."


def test_the_buffer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_splitter, "MAX_JPEG_BYTES", 10_000)
    splitter = JpegSplitter()
    endless = IMAGES[0][:-2]
    found = list(splitter.split(endless))
    for _ in range(200):
        found += splitter.split(b"\0" * 1000)
        assert len(splitter._buffer) <= 2**16 + 1000
    assert found == ["A JPEG of the stream is longer than 10000 bytes."]
    assert list(splitter.split(b"\xff\xd9" + IMAGES[2])) == [IMAGES[2]]
    for _ in range(200):
        assert list(splitter.split(b"x" * 1000)) == []
        assert len(splitter._buffer) <= 2**16 + 1000
    assert list(splitter.end()) == ["200000 bytes of the stream do not belong to a JPEG."]


def test_any_damage_leaves_the_other_images_alone() -> None:
    for seed in range(1000):
        chance = random.Random(seed)
        broken = bytearray(IMAGES[1])
        for _ in range(chance.choice([1, 3, 30])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        stream = IMAGES[0] + broken + b"".join(IMAGES[2:])
        found = [image for image in split(stream) if isinstance(image, bytes)]
        assert found[0] == IMAGES[0]
        assert found[-2:] == IMAGES[-2:]
