"""The orientation in EXIF data, whatever number a writer stores it as."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.runtime.images.exif import exif_orientation, upright
from tests.unit.runtime.images.made import exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_type_and_byte_order_is_read(order: str, kind: int, orientation: int) -> None:
    data = exif(orientation, order, kind)
    assert exif_orientation(data) == exif_orientation(b"Exif\0\0" + data) == orientation


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Exif\0\0",
        b"XX*\0\x08\0\0\0",
        b"II*\0\xff\xff\0\0",  # the directory lies behind the end
        b"II*\0\x08\0\0\0\xff\xff",  # more entries than bytes
        exif(9),  # no orientation
        b"II*\0\x08\0\0\0\1\0\x12\1\2\0\1\0\0\0\x36\0\0\0",  # text
        b"II*\0\x08\0\0\0\1\0\x12\1\6\0\1\0\0\0\xff\0\0\0",  # a negative number
    ],
)
def test_damaged_exif_is_upright(data: bytes) -> None:
    assert exif_orientation(data) == 1


def test_upright_undoes_each_orientation() -> None:
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert upright(frame, 1) is frame
    turned = upright(frame, 6)  # the first row is the right column
    np.testing.assert_array_equal(turned[:, -1], frame[0])
    np.testing.assert_array_equal(upright(turned, 8), frame)
    for orientation in (2, 3, 4, 5, 7):
        again = upright(upright(frame, orientation), orientation)
        np.testing.assert_array_equal(again, frame)
        assert upright(frame, orientation).flags.c_contiguous
