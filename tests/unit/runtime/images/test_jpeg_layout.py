"""The markers of a JPEG file: size, orientation, bytes between segments, what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgefit.errors import FrameError
from edgefit.runtime.images.jpeg_layout import fill_before, jpeg_layout, without_gaps
from tests.unit.runtime.images.made import ORIENTATION, encode, exif, smooth

WHERE = Path("line3") / "frame.jpg"
SCAN, END = b"\xff\xda", b"\xff\xd9"


def with_exif(orientation: int) -> dict[str, Any]:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return {"exif": tags}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, with_exif(6)])
def test_the_size_is_stated_as_it_is_stored(options: dict[str, Any]) -> None:
    layout = jpeg_layout(encode(smooth(), "JPEG", **options), None)
    assert (layout.width, layout.height, layout.components) == (64, 48, 3)
    assert layout.damage is None and layout.gaps == [] and not layout.incomplete()
    assert layout.orientation == (6 if "exif" in options else 1)


@pytest.mark.parametrize("kind", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
def test_an_orientation_of_any_type_is_read(order: str, kind: int) -> None:
    data = encode(smooth(), "JPEG", exif=b"Exif\0\0" + exif(8, order, kind))
    assert jpeg_layout(data, None).orientation == 8


@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_without_its_end_marker_is_cut_off(progressive: bool) -> None:
    data = encode(smooth(), "JPEG", progressive=progressive)
    assert data.endswith(END)
    for length in (3, 20, len(data) // 2, len(data) - 1):
        with pytest.raises(FrameError, match="JPEG file is cut off") as caught:
            jpeg_layout(data[:length], WHERE)
        assert caught.value.path == str(WHERE)
        assert caught.value.found == f"{length} bytes"


def test_bytes_between_segments_are_found() -> None:
    data = encode(smooth(), "JPEG")
    scan = data.find(SCAN)
    padded = data[:20] + b"\x10" * 30 + data[20:scan] + b"\xff\xff\0\1" + data[scan:]
    layout = jpeg_layout(padded, None)
    assert [end - start for start, end in layout.gaps] == [30, 4]
    assert without_gaps(padded, layout.gaps) == data
    assert without_gaps(data, []) is data


def test_a_progressive_file_without_its_last_scans_is_incomplete() -> None:
    data = encode(smooth(), "JPEG", progressive=True)
    positions = [position for code, position in jpeg_layout(data, None).markers if code == 0xDA]
    assert len(positions) > 4
    for position in positions[1:]:
        assert jpeg_layout(data[:position] + END, None).incomplete()


def test_a_second_start_inside_the_scan_is_damage() -> None:
    data = encode(smooth(), "JPEG", progressive=True)
    middle = data.find(SCAN) + 60
    layout = jpeg_layout(data[:middle] + b"\xff\xd8" + data[middle:], None)
    assert layout.damage == "a second image begins inside the first"


def test_absurdly_many_scans_are_refused() -> None:
    data = bytearray(encode(smooth(), "JPEG", progressive=True))
    size = data.find(b"\xff\xc2") + 5
    data[size : size + 4] = b"\x27\x10\x27\x10"
    last = data.rfind(SCAN)
    many = bytes(data[:-2]) + bytes(data[last:-2]) * 120 + END
    with pytest.raises(FrameError, match=r"too many scans: \d+ over 10000x10000 pixels"):
        jpeg_layout(many, None)


def test_equal_bytes_before_a_marker_are_fill() -> None:
    data = encode(smooth(), "JPEG")
    padded = data[:-2] + b"\x07" * 5 + END
    layout = jpeg_layout(padded, None)
    assert list(fill_before(layout, padded, 0xD9, 5)) == [len(padded) - 2]
    assert list(fill_before(layout, padded, 0xD9, 6)) == []
