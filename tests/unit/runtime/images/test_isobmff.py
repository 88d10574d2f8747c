"""AVIF files: told apart from HEIC by content, upright, at full scale, the first of a sequence."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import read_image
from edgefit.runtime.images.isobmff import IsoKind, avif_header, iso_kind
from edgefit.spec import InputSpec
from tests.unit.runtime.images.made import ORIENTATION, encode, smooth

pytestmark = pytest.mark.skipif(
    not (features.check("avif") and cv2.haveImageWriter(".avif")),
    reason="this Pillow or this OpenCV has no AVIF",
)


def boxed(kind: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotation_and_mirror_are_applied(orientation: int) -> None:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    lying = encode(smooth(), "AVIF", quality=95)
    turned = encode(smooth(), "AVIF", quality=95, exif=tags)
    header = avif_header(turned)
    assert header is not None
    assert (header.width, header.height, header.orientation) == (64, 48, orientation)
    expected = Image.fromarray(read_image(lying).frame)
    if orientation > 1:
        way = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}[orientation]
        expected = expected.transpose(Image.Transpose(way))
    np.testing.assert_array_equal(read_image(turned).frame, np.asarray(expected))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_more_bits_are_at_the_scale_that_the_file_states(bits: int) -> None:
    largest = (1 << bits) - 1
    white: Any = np.full((32, 32, 3), largest, np.uint16 if bits > 8 else np.uint8)
    data = cv2.imencode(".avif", white, [cv2.IMWRITE_AVIF_DEPTH, bits])[1].tobytes()
    image = read_image(data, InputSpec(8, 8, bits=16))
    assert image.frame.min() >= 254
    assert image.largest is None and image.notes == ()


def test_the_first_frame_of_a_sequence_is_read_and_said() -> None:
    first, second = (Image.fromarray(smooth(seed=seed)) for seed in (0, 1))
    image = read_image(encode(first, "AVIF", save_all=True, append_images=[second]))
    assert image.frame.shape == (48, 64, 3)
    assert [note.text for note in image.notes] == ["frame 1 of 2 read"]


def test_the_brands_tell_the_kind() -> None:
    assert iso_kind(encode(smooth(), "AVIF")) is IsoKind.AVIF
    assert iso_kind(boxed(b"ftyp", b"mif1\0\0\0\0mif1avif")) is IsoKind.AVIF
    for brands in (b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic", b"msf1\0\0\0\0hevc"):
        assert iso_kind(boxed(b"ftyp", brands)) is IsoKind.HEIC
    for data in (boxed(b"ftyp", b"isom\0\0\2\0mp41"), boxed(b"moov"), b""):
        assert iso_kind(data) is None


def test_a_cut_off_file_is_an_error() -> None:
    data = encode(smooth(), "AVIF")
    for length in (16, 40, len(data) // 2, len(data) - 20):
        with pytest.raises(FrameError):
            read_image(data[:length])


def test_an_opencv_without_avif_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "haveImageWriter", lambda name: False)
    with pytest.raises(FrameError, match=r"AVIF, which the installed OpenCV does not read"):
        read_image(encode(smooth(), "AVIF"))
    with pytest.raises(FrameError, match="GIF, which the installed OpenCV does not read"):
        read_image(encode(smooth(), "GIF"))


def test_boxes_without_a_size_or_without_end_state_nothing() -> None:
    assert avif_header(boxed(b"ftyp", b"avif\0\0\0\0")) is None
    nested = b""
    for _ in range(40):
        nested = boxed(b"moov", nested)
    assert avif_header(nested) is None
    assert (
        avif_header(boxed(b"meta", b"\0\0\0\0" + boxed(b"ipma", b"\0" * 4 + b"\xff" * 9))) is None
    )
