"""BMP, Netpbm and Sun raster files: sizes, and the largest value that a PGM states."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.plain import bits_of, bmp_header, pnm_header, sun_header
from edgefit.spec import InputSpec
from tests.unit.runtime.images.made import encode, smooth

LARGEST = [1, 15, 100, 255, 256, 1000, 1023, 4095, 16383, 40000, 65535]


def netpbm(kind: int, largest: int, values: list[int]) -> bytes:
    """Pixels in a row; colour files hold three times as many values."""
    width = len(values) // (3 if kind in (3, 6) else 1)
    head = b"P%d # a comment\n%d 1\n%d\n" % (kind, width, largest)
    if kind in (2, 3):
        return head + " ".join(map(str, values)).encode() + b"\n"
    return head + np.array(values, ">u2" if largest > 255 else "u1").tobytes()


@pytest.mark.parametrize("largest", LARGEST)
@pytest.mark.parametrize("kind", [2, 3, 5, 6])
def test_the_largest_value_that_the_file_states_is_white(kind: int, largest: int) -> None:
    values = [0, largest // 2, largest]
    colour = kind in (3, 6)
    data = netpbm(kind, largest, [v for v in values for _ in range(3 if colour else 1)])
    image = read_image(data, InputSpec(8, 8, bits=10))  # the file's own scale wins
    row = image.frame[0, :, 0].astype(float)
    assert np.abs(row - 255 * np.array(values) / largest).max() <= 1
    assert row[-1] == 255
    assert image.largest is None and image.notes == ()


def test_full_scales_keep_their_pixels() -> None:
    assert read_image(netpbm(5, 255, [0, 7, 254])).frame[0, :, 0].tolist() == [0, 7, 254]
    deep = read_image(netpbm(5, 65535, [0, 255, 256, 65535])).frame[0, :, 0]
    assert deep.tolist() == [0, 0, 1, 255]


def test_values_above_the_largest_are_white() -> None:
    assert read_image(netpbm(5, 100, [0, 200])).frame[0, :, 0].tolist() == [0, 255]


def test_bits_are_those_that_a_largest_value_fills() -> None:
    assert [bits_of(n) for n in (255, 511, 1000, 1023, 4095, 65535, 0)] == [
        None, 9, None, 10, 12, 16, None,
    ]  # fmt: skip


def test_headers_state_the_size() -> None:
    bmp = bmp_header(encode(smooth(), "BMP"))
    assert bmp is not None and (bmp.width, bmp.height) == (64, 48)
    old = bmp_header(b"BM" + bytes(12) + b"\x0c\0\0\0\x40\0\x30\0\1\0\x18\0")
    assert old is not None and (old.width, old.height) == (64, 48)
    sun = sun_header(b"\x59\xa6\x6a\x95\0\0\0\x40\0\0\0\x30")
    assert sun is not None and (sun.width, sun.height) == (64, 48)
    for data in (b"P1\n#x\n64 48\n1", b"P4 64 48\n", b"P5\n64\n#x\n48 9\n"):
        found = pnm_header(data)
        assert found is not None and (found[0].width, found[0].height) == (64, 48)
    assert bmp_header(b"BM") is None and sun_header(b"") is None
    for data in (b"P5", b"P5\nx 3", b"P8\n1 1\n1\n", b"P", b"P7\nWIDTH 2\nENDHDR\n"):
        assert pnm_header(data) is None
