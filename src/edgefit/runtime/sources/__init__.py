"""Where frames come from: files, archives, cameras, streams, standard input, Python itself.

A bad frame never stops the rest.
"""

from __future__ import annotations

from pathlib import Path

from edgefit.runtime.sources.image_files import ImageSource
from edgefit.runtime.sources.iterable import IterableSource
from edgefit.runtime.sources.kinds import KINDS, kind_of
from edgefit.runtime.sources.options import CameraOptions, RtspTransport, SourceOptions
from edgefit.runtime.sources.resumed import Resumed
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES, VideoSource
from edgefit.spec import InputSpec, Links

__all__ = [
    "KINDS",
    "VIDEO_SUFFIXES",
    "CameraOptions",
    "FrameSource",
    "ImageSource",
    "IterableSource",
    "Resumed",
    "RtspTransport",
    "SourceFrame",
    "SourceOptions",
    "VideoSource",
    "open_source",
]


def open_source(
    source: str | Path,
    spec: InputSpec | None = None,
    *,
    links: Links = Links.INSIDE,
    options: SourceOptions | None = None,
) -> FrameSource:
    """Open a source; its text chooses the kind (:data:`.KINDS`).

    Files are sorted by path. What a folder or a glob holds beside images is passed over and
    counted; see :mod:`edgefit.runtime.walking`.

    Args:
        source: ``photo.jpg``, ``folder/``, ``"folder/**/*.png"``, ``clip.mp4``, ``parts.zip``,
            ``camera:0``, ``rtsp://HOST/PATH``, ``http://HOST/PATH``, ``-`` or ``stdin:mjpeg``.
            Cameras and streams are opened when they are iterated.
        spec: The input contract: how damage, 16 bits, size and large JPEG files are handled; see
            :func:`.decode_image`.
        links: Which symbolic links in a folder or below a glob are followed.
        options: All options at once; replaces ``spec`` and ``links``.

    Raises:
        InputError: The source does not exist, holds no image, or is a video that cannot be opened.
    """
    asked = options or SourceOptions(spec=spec, links=links)
    return kind_of(str(source)).open(str(source), asked)
