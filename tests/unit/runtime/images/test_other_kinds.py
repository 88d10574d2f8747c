"""Files that are no image are named where their first bytes tell what they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES, read_image
from edgefit.runtime.images.other_kinds import other_kind
from tests.unit.runtime.images.made import encode, smooth


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html>404", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (b"\0\0\0\x20ftypisom\0\0\2\0mp41", "a video"),
        (cv2.imencode(".jp2", np.zeros((64, 64), np.uint8))[1].tobytes(), "a JPEG 2000 image"),
        (
            cv2.imencode(".hdr", np.zeros((8, 8, 3), np.float32))[1].tobytes(),
            "a Radiance HDR image",
        ),
    ],
)
def test_the_error_names_the_kind(data: bytes, kind: str) -> None:
    with pytest.raises(FrameError, match=f"The file is {kind}.* not read as an image"):
        read_image(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "PPM"])
def test_a_damaged_image_is_not_called_something_else(kind: str) -> None:
    data = encode(smooth(), kind)
    assert other_kind(data) is None
    with pytest.raises(FrameError, match=r"damaged|cut off"):
        read_image(data[: len(data) // 2])


def test_suffixes_of_kinds_that_are_not_read_are_no_images() -> None:
    assert not IMAGE_SUFFIXES & {".jp2", ".exr", ".hdr", ".pfm", ".psd", ".ico", ".svg", ".pdf"}
