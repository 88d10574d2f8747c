"""Archives for the tests, and what a source makes of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import cv2

from edgefit.runtime.sources import open_source
from tests.unit.runtime.sources.written import flat

PNG: bytes = cv2.imencode(".png", flat(9)[..., ::-1])[1].tobytes()
JPEG: bytes = cv2.imencode(".jpg", flat(9)[..., ::-1])[1].tobytes()
TARS = {".tar": "", ".tar.gz": "gz", ".tgz": "gz", ".tar.bz2": "bz2", ".tar.xz": "xz"}
ZIPS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def write_zip(
    path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def write_tar(path: Path, members: list[tuple[str, bytes]], kind: int = tarfile.GNU_FORMAT) -> Path:
    packing = next(TARS[suffix] for suffix in TARS if path.name.endswith(suffix))
    with tarfile.open(path, f"w:{packing}", format=kind) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def answers(path: Path) -> list[tuple[str, str | None]]:
    """The names and errors of all frames."""
    shots = list(open_source(path))
    assert all((shot.frame is None) == (shot.error is not None) for shot in shots)
    assert [shot.index for shot in shots] == list(range(len(shots)))
    assert {shot.path for shot in shots} <= {path}
    return [(shot.name, shot.error) for shot in shots]
