"""Where frames come from: an image, a folder, a glob, a video. A bad frame never stops the rest."""

from __future__ import annotations

import glob
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.finding import images_in_folder, images_of_glob
from edgefit.runtime.sources.image_files import ImageSource
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES, VideoSource
from edgefit.runtime.walking import suffix_of
from edgefit.spec import InputSpec, Links

__all__ = [
    "VIDEO_SUFFIXES",
    "FrameSource",
    "ImageSource",
    "SourceFrame",
    "VideoSource",
    "open_source",
]


def open_source(
    source: str | Path, spec: InputSpec | None = None, *, links: Links = Links.INSIDE
) -> FrameSource:
    """Open an image, a folder (searched recursively), a quoted glob, or a video.

    Files are sorted by path. What a folder or a glob holds beside images is passed over and
    counted; see :mod:`edgefit.runtime.walking`.

    Args:
        source: ``photo.jpg``, ``folder/``, ``"folder/**/*.png"``, ``clip.mp4``.
        spec: The input contract: how damage, 16 bits, size and large JPEG files are handled; see
            :func:`.decode_image`.
        links: Which symbolic links in a folder or below a glob are followed.

    Raises:
        InputError: The source does not exist, holds no image, or is a video that cannot be opened.
    """
    path = Path(source)
    if path.is_dir():
        return images_in_folder(path, spec, links)
    if path.is_file():
        return _open_file(path, spec)
    if glob.has_magic(str(source)):
        return images_of_glob(str(source), spec, links)
    raise InputError(
        "The source does not exist.",
        path=source,
        expected="an image, a folder, a quoted glob or a video file",
        remedy="correct the path",
    )


def _open_file(path: Path, spec: InputSpec | None) -> FrameSource:
    suffix = suffix_of(path.name)
    if suffix in VIDEO_SUFFIXES:
        return VideoSource(path)
    if suffix in IMAGE_SUFFIXES:
        return ImageSource([path], path.parent, spec)
    raise InputError(
        "The file does not have the extension of an image or a video.",
        path=path,
        expected=" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)),
        found=suffix or "no extension",
        remedy="give an image or a video, or rename the file if it is one",
    )
