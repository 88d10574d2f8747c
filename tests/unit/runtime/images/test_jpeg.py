"""JPEG files: OpenCV's pixels, and libjpeg's warnings tied to the file."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import DecodedImage, decode_image, read_image
from edgefit.runtime.images.header import NoteKind
from edgefit.spec import Damaged, Frame, InputSpec, JpegDecode
from tests.unit.runtime.images.made import encode, jpeg, smooth

RESTARTS = cv2.IMWRITE_JPEG_RST_INTERVAL
OPTIMISED = cv2.IMWRITE_JPEG_OPTIMIZE
PROGRESSIVE = cv2.IMWRITE_JPEG_PROGRESSIVE
END = b"\xff\xd9"
WARN = InputSpec(8, 8, damaged=Damaged.WARN)


def grainy(width: int = 320, height: int = 240) -> Frame:
    """Detail everywhere, so that damage meets data and not the padding of a plain area."""
    noise = np.random.default_rng(5).normal(0, 6, (height, width, 3))
    return np.clip(smooth(width, height) + noise, 0, 255).astype(np.uint8)


def by_opencv(data: bytes, flags: int = cv2.IMREAD_COLOR) -> Any:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), flags), cv2.COLOR_BGR2RGB)


@pytest.mark.parametrize("size", [(1, 1), (17, 9), (64, 48), (333, 217)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_pixels_are_those_of_opencv(mode: str, subsampling: int, size: tuple[int, int]) -> None:
    image = Image.fromarray(grainy(*size)).convert(mode)
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 3}, {"optimize": True}):
        data = encode(image, "JPEG", quality=88, subsampling=subsampling, **options)
        np.testing.assert_array_equal(decode_image(data), by_opencv(data))


@pytest.mark.parametrize(("side", "flags"), [(600, 17), (300, 33), (150, 65)])
def test_the_pixels_of_a_scaled_decode_are_those_of_opencv(side: int, flags: int) -> None:
    data = jpeg(smooth(1203, 1207))
    spec = InputSpec(side, side, jpeg_decode=JpegDecode.SCALED)
    np.testing.assert_array_equal(decode_image(data, spec), by_opencv(data, flags))


def with_bytes(where: str, extra: bytes, *options: int) -> bytes:
    data = jpeg(grainy(), *options)
    marker = {"start": b"\xff\xe0", "tables": b"\xff\xdb", "scan": b"\xff\xda", "end": END}[where]
    position = data.rfind(marker) if where == "end" else data.find(marker)
    return data[:position] + extra + data[position:]


@pytest.mark.parametrize("where", ["start", "tables", "scan", "end"])
@pytest.mark.parametrize(
    "extra", [b"\0", b"\xff", b"\xff" * 9, b"\0\0", b"\1\2\3", b"\x10" * 30, b"\0" * 64],
    ids=lambda extra: f"{len(extra)}x{extra[:1].hex()}",
)  # fmt: skip
def test_extra_bytes_before_a_marker_are_passed_over(where: str, extra: bytes) -> None:
    plain = decode_image(jpeg(grainy()))
    image = read_image(with_bytes(where, extra))
    np.testing.assert_array_equal(image.frame, plain)
    assert image.notes == ()


def test_loose_bytes_before_the_end_are_read_with_a_note() -> None:
    image = read_image(with_bytes("end", bytes(range(1, 30))))
    np.testing.assert_array_equal(image.frame, decode_image(jpeg(grainy())))
    assert [note.kind for note in image.notes] == [NoteKind.LOOSE_BYTES]
    assert read_image(with_bytes("end", b"\0" * 60)).notes == ()
    for lost in (bytes(range(1, 200)), b"\0" * 70, b"\0" * 3000):
        with pytest.raises(FrameError, match=r"damaged: \d+ extraneous bytes"):
            read_image(with_bytes("end", lost))


def scan_of(data: bytes) -> int:
    return data.rfind(b"\xff\xda") + 14


def zero_hole(data: bytes) -> bytes:
    middle, length = len(data) // 2, len(data) // 6
    return data[:middle] + bytes(length) + data[middle + length :]


def overwritten(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(range(64)) + data[middle + 64 :]


def closed(data: bytes) -> bytes:
    return data[: len(data) // 2] + END


def second_start(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + b"\xff\xd8" + data[middle:]


def restart(number: int) -> bytes:
    return bytes([0xFF, 0xD0 + number])


def restart_missing(data: bytes) -> bytes:
    return data.replace(restart(3), b"", 1)


def restart_repeated(data: bytes) -> bytes:
    return data.replace(restart(3), restart(3) * 2, 1)


def restarts_swapped(data: bytes) -> bytes:
    head, tail = data[: scan_of(data)], data[scan_of(data) :]
    tail = tail.replace(restart(3), b"?", 1).replace(restart(4), restart(3), 1)
    return head + tail.replace(b"?", restart(4), 1)


@pytest.mark.parametrize("damage", [zero_hole, closed, second_start], ids=lambda f: f.__name__)
@pytest.mark.parametrize("options", [(), (OPTIMISED, 1), (PROGRESSIVE, 1), (RESTARTS, 8)])
def test_damage_inside_is_an_error_or_a_note(
    options: tuple[int, ...], damage: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    refused_or_noted(damage(jpeg(grainy(), *options)))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("damage", [restart_missing, restart_repeated, restarts_swapped])
def test_restart_markers_out_of_order_are_damage(damage: Any) -> None:
    refused_or_noted(damage(jpeg(grainy(), RESTARTS, 8)))


def test_overwritten_bytes_are_damage() -> None:
    refused_or_noted(overwritten(jpeg(grainy(640, 640))))


def refused_or_noted(data: bytes) -> DecodedImage:
    with pytest.raises(FrameError, match="The JPEG file is damaged: ") as caught:
        read_image(data)
    assert "input.damaged: warn" in str(caught.value.remedy)
    image = read_image(data, WARN)
    assert [note.kind for note in image.notes] == [NoteKind.DAMAGED]
    assert image.notes[0].text.startswith("The file is damaged: ")
    return image


def test_a_progressive_file_cut_between_its_scans_is_damaged() -> None:
    data = jpeg(grainy(), PROGRESSIVE, 1)
    image = refused_or_noted(data[: data.rfind(b"\xff\xc4")] + END)
    assert "scans are missing" in image.notes[0].text


def test_each_file_has_its_own_damage_when_threads_decode() -> None:
    good = jpeg(grainy())
    files = [good, closed(good)] * 30
    with ThreadPoolExecutor(4) as pool:
        notes = list(pool.map(lambda data: len(read_image(data, WARN).notes), files))
    assert notes == [0, 1] * 30


def test_a_small_file_of_a_huge_image_is_refused_by_its_header() -> None:
    data = bytearray(jpeg(smooth()))
    position = data.find(b"\xff\xc0") + 5
    data[position : position + 4] = struct.pack(">HH", 32768, 32768)
    with pytest.raises(FrameError, match=r"32768x32768 pixels, input\.max_pixels is 100000000"):
        read_image(bytes(data))


def test_a_file_that_libjpeg_gives_up_on_is_damaged_under_warn_too() -> None:
    data = jpeg(smooth())
    tables = data.find(b"\xff\xc4")
    broken = data[: tables + 5] + b"\xff" * 16 + data[tables + 21 :]
    for spec in (None, WARN):
        with pytest.raises(FrameError, match="damaged"):
            read_image(broken, spec)
