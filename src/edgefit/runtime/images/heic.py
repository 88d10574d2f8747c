"""HEIC files, which OpenCV does not read: decoded by pillow-heif where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError
from edgefit.runtime.images.header import Header, require_moderate_size
from edgefit.spec import InputSpec


def decode_heic(
    data: bytes, spec: InputSpec, path: Path | None
) -> tuple[NDArray[np.uint8], Header]:
    """Decode the primary image of a HEIC file, upright.

    Returns:
        ``uint8`` (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, and what the file states.

    Raises:
        FrameError: pillow-heif is not installed, or the file is damaged or too large.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise FrameError(
            'The file is a HEIC image, which needs the extra: pip install "edgefit[heic]".',
            path=path,
            expected="pillow-heif, which decodes HEIC",
            found="it is not installed",
            remedy='run `pip install "edgefit[heic]"`, or convert the image to JPEG or PNG',
        ) from error
    try:
        return _decode(pillow_heif.open_heif(data, convert_hdr_to_8bit=True), spec, path)
    # pillow-heif passes on what libheif says as one of these
    except (ValueError, LookupError, RuntimeError, OSError, EOFError, SyntaxError) as error:
        raise FrameError("The HEIC file is damaged.", path=path, found=error) from error


def _decode(file: Any, spec: InputSpec, path: Path | None) -> tuple[NDArray[np.uint8], Header]:
    image = file[file.primary_index]
    width, height = image.size
    require_moderate_size(width, height, spec, path)
    return np.array(image), Header(width, height, images=len(file))
