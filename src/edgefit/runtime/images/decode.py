"""From the bytes of an image file to a frame. A damaged or incomplete file is an error.

Decoders are lenient: they fill a truncated JPEG with grey where the data is missing. The network
would classify such a frame as if it were real, so files are first checked for completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.images.exif import upright
from edgefit.runtime.images.gif import GIF_SIGNATURES, first_gif_frame
from edgefit.runtime.images.header import (
    Header,
    Note,
    NoteKind,
    require_moderate_file,
    require_moderate_size,
)
from edgefit.runtime.images.heic import decode_heic
from edgefit.runtime.images.isobmff import IsoKind, avif_header, iso_kind
from edgefit.runtime.images.jpeg import decode_jpeg
from edgefit.runtime.images.jpeg_layout import JPEG_SIGNATURE
from edgefit.runtime.images.opencv import opencv_decode, unreadable
from edgefit.runtime.images.plain import (
    SUN_SIGNATURE,
    at_full_scale,
    bits_of,
    bmp_header,
    pnm_header,
    sun_header,
)
from edgefit.runtime.images.png import PNG_SIGNATURE, png_header
from edgefit.runtime.images.tiff import TIFF_SIGNATURES, tiff_header
from edgefit.runtime.images.webp import is_webp, webp_header
from edgefit.spec import Frame, InputSpec

_JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
_PNM_SUFFIXES = (".ppm", ".pgm", ".pbm", ".pnm")
_HEIF_SUFFIXES = (".avif", ".heic", ".heif", ".hif")
_OTHER_SUFFIXES = (".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif")
IMAGE_SUFFIXES = frozenset([*_JPEG_SUFFIXES, *_PNM_SUFFIXES, *_HEIF_SUFFIXES, *_OTHER_SUFFIXES])
"""File name extensions, lower case, that are read as images."""

_ALL_RULES = InputSpec(width=224, height=224)


@dataclass(frozen=True)
class DecodedImage:
    """A frame, and what is worth knowing about its file.

    Attributes:
        frame: ``uint8`` (H, W, 3) RGB, C-contiguous.
        notes: What the reader of the frame should know: damage, further pages, no visible pixel.
        largest: The largest colour value of a 16-bit file that does not state its own scale; None
            for all other files.
    """

    frame: Frame
    notes: tuple[Note, ...] = ()
    largest: int | None = None


def decode_image(source: Path | bytes, spec: InputSpec | None = None) -> Frame:
    """Decode an image file; :func:`read_image` without the notes.

    Returns:
        ``uint8`` (H, W, 3) RGB, C-contiguous.

    Raises:
        FrameError: As :func:`read_image` does.
    """
    return read_image(source, spec).frame


def read_image(source: Path | bytes, spec: InputSpec | None = None) -> DecodedImage:
    """Decode an image file.

    It reads 8- and 16-bit grey, palette, RGB, RGBA (composited over white) and CMYK, in JPEG, PNG,
    BMP, TIFF, WebP, GIF, AVIF and Netpbm files, and HEIC with the extra ``heic``; the content
    decides, not the name. Of several pages or frames it reads the first. It applies the
    orientation, and reduces 16 bits to 8 by the scale that the file states, else by ``spec.bits``
    (:func:`.as_frame`).

    With ``spec.jpeg_decode == "scaled"``, a JPEG that is at least twice too large in both
    directions is shrunk by 2, 4 or 8 while it is decoded (libjpeg's scaled DCT), never below the
    size that the input needs. Measured on 1280x720 photographs, to 224x224: a file becomes an input
    in 0.4 of the time, and the input differs from the exact one by 0.7 grey levels on average
    (15 at the 99.9th percentile). A file and its fully decoded array then give different inputs,
    which is why ``exact`` is the default.

    Args:
        source: A file, or a file's bytes.
        spec: The input contract: what to do about damage, the bits in use, the largest image.
            Without it every pixel is decoded, by the defaults.

    Returns:
        The frame and its notes.

    Raises:
        FrameError: The file is missing, empty, cut off, damaged, too large or not an image; the
            error carries its path.
    """
    rules = spec or _ALL_RULES
    path = None if isinstance(source, bytes) else source
    data = source if isinstance(source, bytes) else _content(source, rules)
    if not data:
        raise FrameError("The image file is empty.", path=path, found="0 bytes")
    try:
        return _decode(data, rules, path)
    except MemoryError as error:
        raise FrameError(
            "The memory does not suffice for the image.", path=path, found=f"{len(data)} bytes"
        ) from error
    except cv2.error as error:
        raise FrameError(
            "OpenCV cannot convert the image's pixels.", path=path, found=str(error).strip()
        ) from error


def _content(path: Path, spec: InputSpec) -> bytes:
    try:
        with path.open("rb") as file:
            require_moderate_file(path.stat().st_size, spec, path)
            return file.read()
    except OSError as error:
        raise FrameError(
            "The image file cannot be read.", path=path, found=error.strerror
        ) from error


def _decode(data: bytes, spec: InputSpec, path: Path | None) -> DecodedImage:
    if data.startswith(JPEG_SIGNATURE):
        frame, damage = decode_jpeg(data, spec, path)
        return DecodedImage(frame, damage)
    if iso_kind(data) is IsoKind.HEIC:
        return _finished(*decode_heic(data, spec, path), spec, path)
    header, data = _header(data, path)
    require_moderate_size(header.width, header.height, spec, path)
    # The only mode that keeps alpha. It leaves the orientation to the caller, but for TIFF, where
    # libtiff applies it.
    pixels = opencv_decode(data, path, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        swap = cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
        pixels = cv2.cvtColor(pixels, swap)
    netpbm = pnm_header(data)
    if netpbm is not None:
        pixels = at_full_scale(pixels, data, netpbm[1])
    # libtiff's 8-bit reader multiplies colours by alpha; its 16-bit reader and PNG do not.
    premultiplied = data.startswith(TIFF_SIGNATURES) and pixels.dtype == np.uint8
    return _finished(pixels, header, spec, path, premultiplied=premultiplied)


def _header(data: bytes, path: Path | None) -> tuple[Header, bytes]:
    """What the file states, and the bytes to decode. What is of no known kind is no image."""
    found: Header | None = None
    if data.startswith(PNG_SIGNATURE):
        found = png_header(data, path)
    elif data.startswith(TIFF_SIGNATURES):
        found = tiff_header(data)
    elif data.startswith(GIF_SIGNATURES):
        _require_codec("GIF", path)
        return first_gif_frame(data, path)
    elif data.startswith(b"BM"):
        found = bmp_header(data)
    elif is_webp(data):
        found = webp_header(data)
    elif iso_kind(data) is IsoKind.AVIF:
        _require_codec("AVIF", path)
        found = avif_header(data)
    elif data.startswith(SUN_SIGNATURE):
        found = sun_header(data)
    elif (netpbm := pnm_header(data)) is not None:
        header, largest = netpbm
        found = Header(header.width, header.height, bits=bits_of(largest))
    if found is None:
        raise unreadable(data, path)
    return found, data


def _require_codec(kind: str, path: Path | None) -> None:
    # OpenCV tells which readers it has of existing files only; a writer comes with its reader.
    if not cv2.haveImageWriter(f".{kind.lower()}"):
        raise FrameError(
            f"The file is of the kind {kind}, which the installed OpenCV does not read.",
            path=path,
            expected=f"OpenCV with {kind}",
            found=f"OpenCV {cv2.__version__} without it",
            remedy="install a newer opencv-python-headless, or convert the image",
        )


def _finished(
    pixels: NDArray[Any],
    header: Header,
    spec: InputSpec,
    path: Path | None,
    *,
    premultiplied: bool = False,
) -> DecodedImage:
    bits = header.bits or spec.bits
    try:
        frame = upright(
            as_frame(pixels, premultiplied=premultiplied, bits=bits), header.orientation
        )
    except FrameError as error:
        raise FrameError(
            error.message, path=path, expected=error.expected, found=error.found
        ) from None
    largest = None
    if pixels.dtype == np.uint16 and header.bits is None:
        largest = int(_colours(pixels).max())
    return DecodedImage(frame, tuple(_notes(pixels, header, bits, largest)), largest)


def _notes(pixels: NDArray[Any], header: Header, bits: int, largest: int | None) -> list[Note]:
    notes = []
    if header.images > 1:
        what = "frame" if header.animated else "page"
        notes.append(Note(NoteKind.FURTHER_IMAGES, f"{what} 1 of {header.images} read"))
    if pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[..., 3].any():
        notes.append(Note(NoteKind.TRANSPARENT, "every pixel is transparent: the frame is white"))
    if largest is not None and largest >= 1 << bits:
        text = f"values up to {largest} do not fit the {bits} bits of input.bits and are cut"
        notes.append(Note(NoteKind.CLIPPED, text))
    return notes


def _colours(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels[..., :3] if pixels.ndim == 3 else pixels
