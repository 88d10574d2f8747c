"""Raw frames of a stated shape."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sources.raw_frames import RawFormat, raw_format

RGB = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


def test_the_shape_is_read() -> None:
    assert raw_format("1280x720:bgr24", "") == RawFormat(1280, 720, "bgr24")
    assert raw_format("1280x720:bgr24", "").size == 1280 * 720 * 3
    assert RawFormat(5, 3, "gray").size == 15


@pytest.mark.parametrize(
    "text",
    ["1280x720", "1280x720:yuv420p", "1280:rgb24", "0x720:gray", "-1x5:gray", "99999x99999:rgb24"],
)
def test_what_states_no_shape_is_an_error(text: str) -> None:
    with pytest.raises(InputError, match="not valid") as caught:
        raw_format(text, f"stdin:raw:{text}")
    assert caught.value.path == f"stdin:raw:{text}"


def test_pixels_become_rgb() -> None:
    np.testing.assert_array_equal(RawFormat(4, 2, "rgb24").frame(RGB.tobytes()), RGB)
    bgr = np.ascontiguousarray(RGB[..., ::-1])
    np.testing.assert_array_equal(RawFormat(4, 2, "bgr24").frame(bgr.tobytes()), RGB)
    grey = RawFormat(4, 2, "gray").frame(bytes(range(8)))
    np.testing.assert_array_equal(grey[..., 1], np.arange(8).reshape(2, 4))
    assert grey.shape == (2, 4, 3)
