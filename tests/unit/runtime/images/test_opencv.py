"""OpenCV's decoders are quiet, and what they cannot decode is an error."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.errors import FrameError
from edgefit.runtime.images.opencv import opencv_decode
from tests.unit.runtime.images.made import encode, smooth


def test_pixels_are_those_of_the_file() -> None:
    pixels = opencv_decode(encode(smooth(), "BMP"), None, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pixels[..., ::-1], smooth())


@pytest.mark.parametrize("data", [b"BM", encode(smooth(), "BMP")[:900], b"some text"])
def test_what_cannot_be_decoded_is_an_error_without_noise(
    data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FrameError, match="damaged or not an image") as caught:
        opencv_decode(data, Path("x.bmp"), cv2.IMREAD_UNCHANGED)
    assert caught.value.path == "x.bmp"
    assert f"{len(data)} bytes" in str(caught.value.found)
    assert capfd.readouterr().err == ""
