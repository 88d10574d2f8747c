"""PNG files: whole or cut off, how large, which way up, how many frames."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.png import PNG_SIGNATURE, png_header
from tests.unit.runtime.images.made import ORIENTATION, encode, exif, smooth

WHERE = Path("line3") / "frame.png"


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The file with one more chunk behind its header."""
    chunk = struct.pack(">I", len(body)) + kind + body
    return data[:33] + chunk + struct.pack(">I", zlib.crc32(kind + body)) + data[33:]


def test_size_and_orientation_are_read() -> None:
    for orientation in range(1, 9):
        tags = Image.Exif()
        tags[ORIENTATION] = orientation
        header = png_header(encode(smooth(), "PNG", exif=tags), None)
        assert (header.width, header.height) == (64, 48)
        assert header.orientation == orientation
    assert png_header(encode(smooth(), "PNG"), None).orientation == 1


@pytest.mark.parametrize("kind", [1, 3, 4])
def test_an_orientation_of_any_type_is_applied(kind: int) -> None:
    data = with_chunk(encode(smooth(), "PNG"), b"eXIf", exif(6, ">", kind))
    assert read_image(data).frame.shape == (64, 48, 3)


def test_exif_that_is_stored_as_text_is_applied() -> None:
    digits = (b"Exif\0\0" + exif(6)).hex().encode()
    text = b"\nexif\n      %d\n%s\n%s\n" % (len(digits) // 2, digits[:20], digits[20:])
    plain = encode(smooth(), "PNG")
    for kind, body in (
        (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
        (b"tEXt", b"Raw profile type APP1\0" + text),
    ):
        assert png_header(with_chunk(plain, kind, body), None).orientation == 6
    for damaged in (b"Raw profile type exif\0\0rubbish", b"Raw profile type exif\0\0", b"Title\0x"):
        assert png_header(with_chunk(plain, b"zTXt", damaged), None).orientation == 1


def test_a_file_that_ends_early_is_cut_off_and_a_changed_byte_is_damage() -> None:
    data = encode(smooth(), "PNG")
    for length in (len(PNG_SIGNATURE), 40, len(data) - 1):
        with pytest.raises(FrameError, match="PNG file is cut off"):
            png_header(data[:length], WHERE)
    changed = bytearray(data)
    changed[len(data) // 2] ^= 0xFF
    with pytest.raises(FrameError, match="damaged") as caught:
        png_header(bytes(changed), WHERE)
    assert caught.value.path == str(WHERE)
    assert "wrong checksum at byte" in str(caught.value.found)


def test_a_chunk_that_is_damaged_and_not_needed_states_nothing() -> None:
    data = bytearray(with_chunk(encode(smooth(), "PNG"), b"eXIf", exif(6)))
    data[data.find(b"eXIf") + 14] ^= 1
    assert png_header(bytes(data), None).orientation == 1
    assert read_image(bytes(data)).frame.shape == (48, 64, 3)


def test_the_first_frame_of_an_animation_is_read_and_said() -> None:
    first, second = (Image.fromarray(smooth(seed=seed)) for seed in (0, 1))
    image = read_image(encode(first, "PNG", save_all=True, append_images=[second]))
    np.testing.assert_array_equal(image.frame, smooth())
    assert [note.text for note in image.notes] == ["frame 1 of 2 read"]
