"""Raw frames: pixels without a header, of a shape and a pixel format that the user states."""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.runtime.images.as_frame import as_frame
from edgefit.spec import Frame

_CHANNELS = {"rgb24": 3, "bgr24": 3, "gray": 1}
_MAX_BYTES = 2**30


@dataclass(frozen=True)
class RawFormat:
    """Shape and pixel format of raw frames; the names of the formats are those of FFmpeg.

    Attributes:
        width: Pixels.
        height: Pixels.
        pixels: ``rgb24``, ``bgr24`` or ``gray``, each row without padding.
    """

    width: int
    height: int
    pixels: str

    @property
    def size(self) -> int:
        """Bytes of a frame."""
        return self.width * self.height * _CHANNELS[self.pixels]

    def frame(self, data: bytes | bytearray) -> Frame:
        """The frame that so many bytes hold: ``uint8`` (H, W, 3) RGB."""
        shape = (self.height, self.width, _CHANNELS[self.pixels])
        pixels = np.frombuffer(data, np.uint8).reshape(shape)
        if self.pixels == "bgr24":
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
        return as_frame(pixels)


def raw_format(text: str, source: str) -> RawFormat:
    """Read ``1280x720:bgr24``.

    Args:
        text: The shape and the format.
        source: The whole text of the source, for the error.

    Raises:
        InputError: It states no shape, or an unknown format.
    """
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5}):(\w+)", text, re.ASCII)
    if found is not None and found[3] in _CHANNELS:
        stated = RawFormat(int(found[1]), int(found[2]), found[3])
        if 0 < stated.size <= _MAX_BYTES:
            return stated
    raise InputError(
        "The shape or the pixel format of raw frames is not valid.",
        path=printable(source),
        expected=f"WIDTHxHEIGHT and one of {', '.join(_CHANNELS)}; at most {_MAX_BYTES} bytes",
        found=printable(text),
        remedy="give for instance stdin:raw:1280x720:bgr24",
    )
