"""Limits that hold before an image takes memory."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path

import cv2
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.header import require_moderate_file, require_moderate_size
from edgefit.spec import InputSpec
from tests.unit.runtime.images.made import encode, jpeg, smooth, tiff

SIDE = 30_000


def resized(data: bytes, position: int, form: str) -> bytes:
    """The file with another size in its header."""
    size = struct.pack(form, SIDE, SIDE)
    return data[:position] + size + data[position + len(size) :]


def huge_png() -> bytes:
    data = resized(encode(smooth(), "PNG"), 16, ">II")
    return data[:29] + struct.pack(">I", zlib.crc32(data[12:29])) + data[33:]


def huge_avif() -> bytes:
    data = encode(smooth(), "AVIF")
    return resized(data, data.find(b"ispe") + 8, ">II")


HUGE = {
    "jpeg": lambda: resized(jpeg(smooth()), jpeg(smooth()).find(b"\xff\xc0") + 5, ">HH"),
    "png": huge_png,
    "bmp": lambda: resized(encode(smooth(), "BMP"), 18, "<ii"),
    "gif": lambda: resized(encode(smooth(), "GIF"), 6, "<HH"),
    "tiff": lambda: tiff([{256: (4, SIDE), 257: (4, SIDE), 258: (3, 8)}]),
    "tiles": lambda: tiff([{256: (4, 1), 257: (4, 1), 322: (4, SIDE), 323: (4, SIDE)}]),
    "pgm": lambda: b"P5\n30000 30000\n255\n" + bytes(10),
    "webp": lambda: resized(
        encode(smooth(), "WEBP"), encode(smooth(), "WEBP").find(b"\x9d\x01\x2a") + 3, "<HH"
    ),
    "avif": huge_avif,
    "sun": lambda: b"\x59\xa6\x6a\x95" + struct.pack(">II", SIDE, SIDE) + bytes(24),
}


@pytest.mark.parametrize("kind", HUGE)
def test_a_small_file_of_a_huge_image_takes_no_memory(kind: str) -> None:
    if kind == "webp":  # its sides have 14 bits
        spec, size = InputSpec(8, 8, max_pixels=10_000_000), "13616x13616"
    elif kind == "avif" and not cv2.haveImageWriter(".avif"):
        pytest.skip("this OpenCV has no AVIF")
    else:
        spec, size = InputSpec(8, 8), f"{SIDE}x{SIDE}"
    data = HUGE[kind]()
    assert len(data) < 20_000
    tracemalloc.start()
    try:
        with pytest.raises(FrameError, match=f"too large: {size} pixels") as caught:
            read_image(data, spec)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.key == "input.max_pixels"
    assert "raise input.max_pixels" in str(caught.value.remedy)


def test_the_limit_can_be_raised_and_lowered() -> None:
    data = encode(smooth(), "PNG")
    assert read_image(data, InputSpec(8, 8, max_pixels=64 * 48)).frame.shape == (48, 64, 3)
    with pytest.raises(FrameError, match="64x48 pixels"):
        read_image(data, InputSpec(8, 8, max_pixels=64 * 48 - 1))
    require_moderate_size(20_000, 20_000, InputSpec(8, 8, max_pixels=400_000_000), None)


def test_a_file_larger_than_its_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "endless.png"
    with path.open("wb") as file:
        file.truncate((1 << 30) + 1)  # takes no room on the disk
    with pytest.raises(FrameError, match=r"too large: 1073741825 bytes") as caught:
        read_image(path)
    assert caught.value.path == str(path)
    require_moderate_file((1 << 30) + 1, InputSpec(8, 8, max_pixels=1 << 28), None)
