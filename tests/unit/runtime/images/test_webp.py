"""WebP files: size, orientation, frames."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.webp import is_webp, webp_header
from tests.unit.runtime.images.made import ORIENTATION, encode, exif, smooth


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": exif(1)}])
def test_the_size_is_read_from_each_kind_of_chunk(options: dict[str, Any]) -> None:
    header = webp_header(encode(smooth(), "WEBP", **options))
    assert (header.width, header.height, header.orientation) == (64, 48, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read(orientation: int) -> None:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    assert webp_header(encode(smooth(), "WEBP", exif=tags)).orientation == orientation


@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_of_any_type_is_read_behind_an_odd_chunk(order: str, kind: int) -> None:
    data = exif(6, order, kind)
    chunk = b"EXIF" + len(data).to_bytes(4, "little") + data
    odd_chunk = b"ICCP" + (3).to_bytes(4, "little") + b"abc" + b"\0"
    assert webp_header(b"RIFF\0\0\0\0WEBP" + odd_chunk + chunk).orientation == 6


def test_the_first_frame_of_an_animation_is_read_and_said() -> None:
    first, second = (Image.fromarray(smooth(seed=seed)) for seed in (0, 1))
    data = encode(first, "WEBP", save_all=True, append_images=[second], lossless=True)
    image = read_image(data)
    np.testing.assert_array_equal(image.frame, smooth())
    assert [note.text for note in image.notes] == ["frame 1 of 2 read"]


def test_it_is_known_by_its_first_bytes() -> None:
    assert is_webp(encode(smooth(), "WEBP"))
    assert not any(map(is_webp, (encode(smooth(), "PNG"), b"RIFF", b"")))
