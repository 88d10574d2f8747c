"""GIF files: the first frame, as an image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.gif import first_gif_frame
from tests.unit.runtime.images.made import encode, smooth


def drawn(seed: int = 0) -> Image.Image:
    return Image.fromarray(smooth(seed=seed)).quantize(64)


@pytest.mark.parametrize("options", [{}, {"interlace": 0}, {"comment": b"x" * 600}])
def test_a_gif_gives_its_pixels(options: dict[str, Any]) -> None:
    image = read_image(encode(drawn(), "GIF", **options))
    np.testing.assert_array_equal(image.frame, np.asarray(drawn().convert("RGB")))
    assert image.notes == ()


def test_the_first_frame_of_an_animation_is_read_and_said() -> None:
    data = encode(drawn(), "GIF", save_all=True, append_images=[drawn(1), drawn(2)])
    whole = read_image(data)
    np.testing.assert_array_equal(whole.frame, np.asarray(drawn().convert("RGB")))
    assert [note.text for note in whole.notes] == ["frame 1 of 3 read"]
    cut_later = read_image(data[: len(data) // 2])
    np.testing.assert_array_equal(cut_later.frame, whole.frame)


def test_a_first_frame_that_is_cut_off_is_an_error() -> None:
    data = encode(drawn(), "GIF")
    for length in (6, 12, 100, len(data) // 2, len(data) - 3):
        with pytest.raises(FrameError, match="GIF file is cut off"):
            read_image(data[:length])


def test_a_frame_may_be_larger_than_the_screen_that_the_header_states() -> None:
    data = bytearray(encode(drawn(), "GIF"))
    data[6:10] = bytes([1, 0, 1, 0])
    header, _ = first_gif_frame(bytes(data), None)
    assert (header.width, header.height) == (64, 48)
