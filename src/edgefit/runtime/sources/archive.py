"""Images in zip and tar archives, read in place: nothing is unpacked to the disk."""

from __future__ import annotations

from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.source import FrameSource
from edgefit.runtime.sources.tar_archive import TarSource
from edgefit.runtime.sources.zip_archive import ZipSource

_ZIP_SIGNATURES = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")
_SIGNATURE_BYTES = 4


def open_archive(text: str, options: SourceOptions) -> FrameSource:
    """The images in an archive; the content decides its kind, not the name.

    A zip archive gives its images sorted by name, a tar archive in the order in which they are
    stored, since it is read from its beginning to its end. Members are never used as paths, and no
    link is followed.

    Raises:
        InputError: The file cannot be read, is no archive, or holds no image.
    """
    path = Path(text)
    try:
        with path.open("rb") as file:
            start = file.read(_SIGNATURE_BYTES)
    except OSError as error:
        raise InputError(
            "The archive cannot be read.",
            path=path,
            found=error.strerror,
            remedy="correct its rights",
        ) from error
    # a zip archive may begin with a program that unpacks it
    if start.startswith(_ZIP_SIGNATURES) or text.lower().endswith(".zip"):
        return ZipSource(path, options.spec)
    return TarSource(path, options.spec)
