"""Where frames come from: an image, a folder, a glob, a video. A bad frame never stops the rest."""

from __future__ import annotations

import glob
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.image_files import ImageSource
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES, VideoSource
from edgefit.spec import InputSpec

__all__ = [
    "VIDEO_SUFFIXES",
    "FrameSource",
    "ImageSource",
    "SourceFrame",
    "VideoSource",
    "open_source",
]


def open_source(source: str | Path, spec: InputSpec | None = None) -> FrameSource:
    """Open an image, a folder (searched recursively), a quoted glob, or a video.

    Files are sorted by path. In folders and globs, files without the extension of an image are
    skipped.

    Args:
        source: ``photo.jpg``, ``folder/``, ``"folder/**/*.png"``, ``clip.mp4``.
        spec: The input contract, for a scaled JPEG decode; see :func:`.decode_image`.

    Raises:
        InputError: The source does not exist, holds no image, or is a video that cannot be opened.
    """
    path = Path(source)
    if path.is_dir():
        found = [p for p in path.rglob("*") if _is_image(p)]
        return ImageSource(_sorted_some(found, source, "no such file in the folder"), path, spec)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return VideoSource(path)
        if _is_image(path):
            return ImageSource([path], path.parent, spec)
        raise InputError(
            "The file does not have the extension of an image or a video.",
            path=path,
            expected=" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)),
            found=path.suffix or "no extension",
            remedy="give an image or a video, or rename the file if it is one",
        )
    if glob.has_magic(str(source)):
        # Path.glob does not accept absolute patterns.
        matches = [Path(p) for p in glob.glob(str(source), recursive=True)]  # noqa: PTH207
        images = [p for p in matches if _is_image(p)]
        nothing = "no such file among the matches" if matches else "no file matches the pattern"
        return ImageSource(_sorted_some(images, source, nothing), Path(), spec)
    raise InputError(
        "The source does not exist.",
        path=source,
        expected="an image, a folder, a quoted glob or a video file",
        remedy="correct the path",
    )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _sorted_some(paths: list[Path], source: str | Path, nothing: str) -> list[Path]:
    if not paths:
        raise InputError(
            "No image was found.",
            path=source,
            expected=f"files with one of the extensions {' '.join(sorted(IMAGE_SUFFIXES))}",
            found=nothing,
            remedy="correct the path or the pattern",
        )
    return sorted(paths, key=lambda path: path.as_posix())
