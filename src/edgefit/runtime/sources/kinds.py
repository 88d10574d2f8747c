"""The kinds of sources, and how the text of a source chooses one."""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.addresses import is_camera, is_http, is_rtsp, without_password
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.source import FrameSource
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES
from edgefit.runtime.walking import suffix_of

_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
ARCHIVE_SUFFIXES = (".zip", *_TAR_SUFFIXES)
"""Endings of file names, lower case, that are read as archives."""


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes:
        name: What it is.
        example: A text that chooses it.
        matches: Whether a text chooses it; asked in the order of :data:`KINDS`.
        opener: ``module:function`` that opens it, called with the text and the options; imported
            when it is used, so that a device needs no package of a source that it does not use.
    """

    name: str
    example: str
    matches: Callable[[str], bool]
    opener: str

    def open(self, text: str, options: SourceOptions) -> FrameSource:
        """Open a source of this kind."""
        module, _, function = self.opener.partition(":")
        opener: Callable[[str, SourceOptions], FrameSource] = getattr(
            import_module(f"edgefit.runtime.sources.{module}"), function
        )
        return opener(text, options)


def _is_file_with(suffixes: frozenset[str]) -> Callable[[str], bool]:
    return lambda text: suffix_of(text) in suffixes and Path(text).is_file()


def _is_archive(text: str) -> bool:
    return text.lower().endswith(ARCHIVE_SUFFIXES) and Path(text).is_file()


KINDS = (
    SourceKind(
        "standard input",
        "-, stdin:mjpeg, stdin:jpeg, stdin:raw:1280x720:bgr24, stdin:names",
        lambda text: text == "-" or text.startswith("stdin:"),
        "standard_input:open_standard_input",
    ),
    # addresses first: a query's question mark would make them a pattern
    SourceKind("camera", "camera:0", is_camera, "camera:open_camera"),
    SourceKind("RTSP stream", "rtsp://HOST/PATH", is_rtsp, "rtsp:open_rtsp"),
    SourceKind("MJPEG stream or snapshot", "http://HOST/PATH", is_http, "over_http:open_http"),
    SourceKind("folder", "folder/", lambda text: Path(text).is_dir(), "finding:open_folder"),
    SourceKind("video file", "clip.mp4", _is_file_with(VIDEO_SUFFIXES), "video_file:open_video"),
    SourceKind("image", "photo.jpg", _is_file_with(IMAGE_SUFFIXES), "finding:open_image"),
    SourceKind("archive", "parts.zip", _is_archive, "archive:open_archive"),
    SourceKind(
        "quoted glob",
        "'folder/**/*.png'",
        lambda text: "://" not in text and not Path(text).exists() and glob.has_magic(text),
        "finding:open_glob",
    ),
)
"""Every kind of source. A new one is one file in this folder and one line here."""


def kind_of(text: str) -> SourceKind:
    """The kind of source that a text means.

    Raises:
        InputError: It means none.
    """
    for kind in KINDS:
        if kind.matches(text):
            return kind
    if Path(text).is_file():
        suffix = suffix_of(text)
        raise InputError(
            "The file does not have the extension of an image or a video, nor of an archive.",
            path=text,
            expected=" ".join(sorted({*IMAGE_SUFFIXES, *VIDEO_SUFFIXES, *ARCHIVE_SUFFIXES})),
            found=suffix or "no extension",
            remedy="give an image, a video or an archive, or rename the file if it is one",
        )
    raise InputError(
        "The source does not exist.",
        path=without_password(text),
        expected="; ".join(f"{kind.name}: {kind.example}" for kind in KINDS),
        remedy="correct the path",
    )
