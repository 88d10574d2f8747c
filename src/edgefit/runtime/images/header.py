"""What an image file states before its pixels, and what a decoded image is worth knowing about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edgefit.errors import FrameError
from edgefit.runtime.images.exif import UPRIGHT
from edgefit.spec import InputSpec

_LEAST_FILE_LIMIT = 1 << 30
_BYTES_PER_PIXEL = 8  # of 16-bit RGBA without compression


@dataclass(frozen=True)
class Header:
    """What a file states about its first image.

    Attributes:
        width: In pixels, as stored.
        height: In pixels, as stored.
        orientation: The EXIF orientation that the decoder leaves to edgefit, 1 to 8.
        images: Pages of a document, or frames of an animation.
        animated: Whether the further images are frames of an animation.
        bits: Bits in use, where the file itself states them and its pixels take 16 bits.
    """

    width: int
    height: int
    orientation: int = UPRIGHT
    images: int = 1
    animated: bool = False
    bits: int | None = None


class NoteKind(StrEnum):
    """What kind of thing a note says."""

    DAMAGED = "damaged"
    LOOSE_BYTES = "loose-bytes"
    FURTHER_IMAGES = "further-images"
    TRANSPARENT = "transparent"
    CLIPPED = "clipped"


@dataclass(frozen=True)
class Note:
    """What a reader of a decoded image should know; the image was read all the same."""

    kind: NoteKind
    text: str


def require_moderate_file(size_bytes: int, spec: InputSpec, path: Path | None) -> None:
    """Refuse a file that is too large to be read into memory.

    Raises:
        FrameError: More than 1 GiB, or than eight bytes for each pixel that the contract allows.
    """
    limit = max(_LEAST_FILE_LIMIT, _BYTES_PER_PIXEL * spec.max_pixels)
    if size_bytes > limit:
        raise FrameError(
            f"The image file is too large: {size_bytes} bytes, the limit is {limit}.",
            path=path,
            key="input.max_pixels",
            expected=f"at most {limit} bytes",
            found=f"{size_bytes} bytes",
            remedy="raise input.max_pixels; a pixel allows 8 bytes of file",
        )


def require_moderate_size(width: int, height: int, spec: InputSpec, path: Path | None) -> None:
    """Refuse an image by the size in its header, before memory is taken for its pixels.

    Raises:
        FrameError: More than ``spec.max_pixels`` pixels.
    """
    if width * height > spec.max_pixels:
        raise FrameError(
            f"The image is too large: {width}x{height} pixels, input.max_pixels is "
            f"{spec.max_pixels}.",
            path=path,
            key="input.max_pixels",
            expected=f"at most {spec.max_pixels} pixels",
            found=f"{width}x{height}, {width * height} pixels",
            remedy="shrink the image, or raise input.max_pixels in the recipe",
        )


def cut_off(kind: str, data: bytes, path: Path | None) -> FrameError:
    """The error of a file whose end is missing."""
    return FrameError(
        f"The {kind} file is cut off: its end is missing.", path=path, found=f"{len(data)} bytes"
    )
