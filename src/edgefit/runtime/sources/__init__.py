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
    """Open an image, a folder (searched to its depths), a quoted glob, or a video.

    Files come sorted by their path. In folders and globs, files that are no images by their
    name's ending are passed over.

    Args:
        source: ``photo.jpg``, ``folder/``, ``"folder/**/*.png"``, ``clip.mp4``.
        spec: The input contract, for a scaled JPEG decode; see :func:`.decode_image`.

    Raises:
        InputError: Nothing is there, no image among it, or a video that cannot be opened.
    """
    path = Path(source)
    if path.is_dir():
        found = [p for p in path.rglob("*") if _is_image(p)]
        return ImageSource(_sorted_some(found, source), path, spec)
    if path.is_file():
        if path.suffix.lower() in VIDEO_SUFFIXES:
            return VideoSource(path)
        if _is_image(path):
            return ImageSource([path], path.parent, spec)
        raise InputError(
            "The file is neither an image nor a video by its name.",
            path=path,
            expected=" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES)),
            found=path.suffix or "no ending",
        )
    if glob.has_magic(str(source)):
        # Path.glob takes no absolute pattern.
        matches = [Path(p) for p in glob.glob(str(source), recursive=True)]  # noqa: PTH207
        return ImageSource(_sorted_some([p for p in matches if _is_image(p)], source), Path(), spec)
    raise InputError(
        "The source does not exist.",
        path=source,
        expected="an image, a folder, a quoted glob or a video file",
    )


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _sorted_some(paths: list[Path], source: str | Path) -> list[Path]:
    if not paths:
        raise InputError(
            "No image was found.", path=source, expected=" ".join(sorted(IMAGE_SUFFIXES))
        )
    return sorted(paths, key=lambda path: path.as_posix())
