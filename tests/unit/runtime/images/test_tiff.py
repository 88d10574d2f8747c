"""TIFF files: size, pages, orientation tags of every type, bits that are packed."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.tiff import tiff_header
from edgefit.spec import InputSpec
from tests.unit.runtime.images.made import encode, smooth, tiff

SHORT, LONG = 3, 4


def grey_page(width: int, height: int, depth: int, length: int) -> dict[int, tuple[int, int]]:
    """The tags of a grey page whose pixels begin at byte 8."""
    values = {256: width, 257: height, 258: depth, 259: 1, 262: 1, 277: 1, 278: height}
    return {tag: (SHORT, value) for tag, value in values.items()} | {
        273: (LONG, 8),
        279: (LONG, length),
    }


def test_pages_beyond_the_first_are_said() -> None:
    pages = [Image.fromarray(smooth(seed=seed)) for seed in range(3)]
    image = read_image(encode(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    np.testing.assert_array_equal(image.frame, smooth())
    assert [note.text for note in image.notes] == ["page 1 of 3 read"]


def test_a_smaller_copy_and_a_mask_are_no_pages() -> None:
    page = {256: (LONG, 640), 257: (LONG, 480)}
    data = tiff([page, {254: (LONG, 1)} | page, {254: (LONG, 4)} | page, {254: (LONG, 2)} | page])
    header = tiff_header(data)
    assert header is not None
    assert (header.width, header.height, header.images) == (640, 480, 2)


def test_a_page_that_names_itself_as_the_next_ends_the_walk() -> None:
    data = bytearray(tiff([{256: (SHORT, 5), 257: (SHORT, 4)}]))
    data[-4:] = struct.pack("<I", 8)
    header = tiff_header(bytes(data))
    assert header is not None and header.images == 1


@pytest.mark.parametrize("kind", [1, SHORT, LONG])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("depth", [8, 16])
def test_an_orientation_of_any_type_is_applied(depth: int, order: str, kind: int) -> None:
    grey = smooth()[..., 0]
    pixels = (
        grey.tobytes() if depth == 8 else (grey * np.uint16(257)).astype(f"{order}u2").tobytes()
    )
    page = grey_page(64, 48, depth, len(pixels)) | {274: (kind, 6)}
    frame = read_image(tiff([page], order, pixels)).frame
    np.testing.assert_array_equal(frame[..., 0], np.rot90(grey, -1))


@pytest.mark.parametrize("depth", [10, 12, 14])
def test_packed_bits_are_white_whatever_the_recipe_says(depth: int) -> None:
    white = b"\xff" * (depth * 64 // 8)
    data = tiff([grey_page(64, 1, depth, len(white))], "<", white)
    image = read_image(data, InputSpec(8, 8, bits=9))
    assert image.frame.min() == 255
    assert image.notes == () and image.largest is None


def test_what_has_no_directory_states_nothing() -> None:
    assert tiff_header(b"II*\0") is None
    assert tiff_header(b"II*\0\xff\xff\xff\x7f") is None
