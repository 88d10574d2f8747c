"""The outer structure of image files: whole or cut off, how large, which way up."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.containers import (
    JPEG_SIGNATURE,
    PNG_SIGNATURE,
    is_webp,
    require_whole_jpeg,
    require_whole_png,
    webp_orientation,
)

ORIENTATION = 0x0112
NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
WHERE = Path("line3") / "frame.png"


def encode(kind: str, *, orientation: int | None = None, **options: Any) -> bytes:
    """A noise image, 64 wide and 48 high."""
    if orientation is not None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        options["exif"] = exif
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"orientation": 6}])
def test_a_jpeg_states_its_size_as_it_is_stored(options: dict[str, Any]) -> None:
    assert require_whole_jpeg(encode("JPEG", **options), None) == (64, 48)


def test_a_jpeg_without_its_end_marker_is_cut_off() -> None:
    data = encode("JPEG")
    assert data.endswith(b"\xff\xd9")
    for length in (3, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(FrameError, match="JPEG file is cut off") as caught:
            require_whole_jpeg(data[:length], WHERE)
        assert caught.value.path == str(WHERE)
        assert caught.value.found == f"{length} bytes"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_from_png_and_webp(orientation: int) -> None:
    assert require_whole_png(encode("PNG", orientation=orientation), None) == orientation
    data = encode("WEBP", orientation=orientation, lossless=True)
    assert webp_orientation(data) == orientation


def test_a_file_without_exif_is_upright() -> None:
    assert require_whole_png(encode("PNG"), None) == 1
    assert webp_orientation(encode("WEBP")) == 1


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"XX*\0\x08\0\0\0",
        b"II*\0\xff\xff\0\0",  # the directory lies behind the end
        b"II*\0\x08\0\0\0\xff\xff",  # more entries than bytes
        b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0",  # nine is no orientation
        b"II*\0\x08\0\0\0\1\0\x12\1\4\0\1\0\0\0\6\0\0\0",  # another type of number
    ],
)
def test_damaged_exif_is_upright(exif: bytes) -> None:
    length = len(exif).to_bytes(4, "little")
    assert webp_orientation(b"RIFF\0\0\0\0WEBPEXIF" + length + exif) == 1


@pytest.mark.parametrize("order", ["II", "MM"])
def test_exif_is_read_in_both_byte_orders(order: str) -> None:
    name = "little" if order == "II" else "big"
    numbers = [(42, 2), (8, 4), (1, 2), (ORIENTATION, 2), (3, 2), (1, 4), (6, 2), (0, 2)]
    exif = order.encode() + b"".join(n.to_bytes(size, name) for n, size in numbers)  # type: ignore[arg-type]
    chunk = b"EXIF" + len(exif).to_bytes(4, "little") + exif
    odd_chunk = b"ICCP" + (3).to_bytes(4, "little") + b"abc" + b"\0"
    assert webp_orientation(b"RIFF\0\0\0\0WEBP" + odd_chunk + chunk) == 6


def test_a_png_that_ends_early_is_cut_off_and_a_changed_byte_is_damage() -> None:
    data = encode("PNG")
    for length in (len(PNG_SIGNATURE), 40, len(data) - 1):
        with pytest.raises(FrameError, match="PNG file is cut off"):
            require_whole_png(data[:length], WHERE)
    changed = bytearray(data)
    changed[len(data) // 2] ^= 0xFF
    with pytest.raises(FrameError, match="damaged") as caught:
        require_whole_png(bytes(changed), WHERE)
    assert caught.value.path == str(WHERE)
    assert "wrong checksum at byte" in str(caught.value.found)


def test_each_kind_is_known_by_its_first_bytes() -> None:
    jpeg, png, webp = (encode(kind) for kind in ("JPEG", "PNG", "WEBP"))
    assert jpeg.startswith(JPEG_SIGNATURE) and png.startswith(PNG_SIGNATURE)
    assert [is_webp(data) for data in (jpeg, png, webp, b"RIFF", b"")] == [
        False,
        False,
        True,
        False,
        False,
    ]
