"""From what a camera or a decoder gives to uint8 RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame


def test_grey_16_bit_and_alpha_are_brought_to_rgb() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(as_frame(grey), expected)
    np.testing.assert_array_equal(as_frame(grey[..., None]), expected)
    deep = grey.astype(np.uint16) << 8 | 255
    np.testing.assert_array_equal(as_frame(deep), expected)
    rgba = np.dstack([expected, np.full((8, 8), 255, np.uint8)])
    np.testing.assert_array_equal(as_frame(rgba), expected)


def test_transparent_pixels_lie_on_white() -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[4:, :, 3] = 128
    image = as_frame(rgba)
    assert np.all(image[:4] == 255)
    # 200 * 128/255 + 255 * 127/255, and 127 where the colour is 0.
    assert np.all(image[4:] == (227, 127, 127))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8, 2), np.uint8),
        np.zeros((8, 8, 5), np.uint8),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros(8, np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.int16),
        [[1, 2], [3, 4]],
    ],
    ids=lambda p: f"{p.dtype}{p.shape}" if isinstance(p, np.ndarray) else type(p).__name__,
)
def test_what_is_no_frame_is_refused(pixels: Any) -> None:
    with pytest.raises(FrameError) as caught:
        as_frame(pixels)
    assert caught.value.expected
    assert caught.value.found is not None


@pytest.mark.parametrize(("deep", "shallow"), [(0, 0), (255, 0), (256, 1), (65535, 255)])
def test_16_bits_keep_their_high_byte(deep: int, shallow: int) -> None:
    frame = as_frame(np.full((2, 3), deep, np.uint16))
    np.testing.assert_array_equal(frame, np.full((2, 3, 3), shallow, np.uint8))


def test_a_frame_is_given_back_as_it_is() -> None:
    frame = np.zeros((4, 6, 3), np.uint8)
    assert as_frame(frame) is frame
    turned = as_frame(np.ones((6, 4, 3), np.uint8).transpose(1, 0, 2))
    assert turned.shape == (4, 6, 3) and turned.flags.c_contiguous


@pytest.mark.parametrize(
    ("rgba", "premultiplied", "rgb"),
    [
        ((200, 0, 0, 128), False, (227, 127, 127)),
        ((100, 0, 0, 128), True, (227, 127, 127)),
        ((200, 0, 0, 100), True, (255, 155, 155)),  # above its alpha, by a rounding of the writer
        ((9, 8, 7, 255), False, (9, 8, 7)),
        ((9, 8, 7, 255), True, (9, 8, 7)),
    ],
)
def test_alpha_that_was_multiplied_before_is_not_multiplied_again(
    rgba: tuple[int, ...], premultiplied: bool, rgb: tuple[int, ...]
) -> None:
    pixels = np.tile(np.array(rgba, np.uint8), (2, 2, 1))
    frame = as_frame(pixels, premultiplied=premultiplied)
    np.testing.assert_array_equal(frame, np.tile(np.array(rgb, np.uint8), (2, 2, 1)))


@pytest.mark.parametrize(("bits", "white"), [(9, 511), (10, 1023), (12, 4095), (14, 16383)])
def test_the_bits_in_use_fill_the_scale(bits: int, white: int) -> None:
    pixels = np.array([[0, white // 2, white, white + 1, 65535]], np.uint16)
    assert as_frame(pixels, bits=bits)[0, :, 0].tolist() == [0, 127, 255, 255, 255]


def test_strips_of_a_large_image_join_without_a_seam() -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (1100, 700, 4), dtype=np.uint8)
    frame = as_frame(rgba)
    rows = [as_frame(rgba[row : row + 1]) for row in range(len(rgba))]
    np.testing.assert_array_equal(frame, np.concatenate(rows))
