"""Images in a zip archive, sorted by name."""

from __future__ import annotations

import io
import shlex
import stat
import weakref
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from edgefit.errors import FrameError, InputError
from edgefit.runtime.sources.image_files import image_shot
from edgefit.runtime.sources.members import (
    DAMAGE,
    MAX_MEMBERS,
    PIECE,
    no_image,
    read_member,
    reason_to_pass_over,
    require_moderate_size,
    shown_name,
    words,
)
from edgefit.runtime.sources.source import FrameSource, PendingFrame, SourceFrame
from edgefit.runtime.walking import PassedOver, Reason
from edgefit.spec import InputSpec

_ENCRYPTED, _UTF8 = 0x1, 0x800
_FROM_DOS = 0
_LARGEST_READ = 256 * 2**20
_SMALL_PIECE = 4096
"""Of members packed by bzip2 or LZMA: zipfile unpacks all that it read of them at once."""


class ZipSource(FrameSource):
    """Images of a zip archive, sorted by name; those of one name in their stored order.

    Args:
        path: The archive.
        spec: The input contract, for a scaled JPEG decode.

    Raises:
        InputError: The archive's directory is damaged, or lists no image.
    """

    repeatable = True

    def __init__(self, path: Path, spec: InputSpec | None = None) -> None:
        self._path, self._spec = path, spec
        self._passed_over: list[PassedOver] = []
        self._opened = _Opened(path)
        self._images = self._sorted()
        if not self._images:
            raise no_image(path, self._passed_over)

    @property
    def len_hint(self) -> int:
        """The number of images."""
        return len(self._images)

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """What the archive holds beside images."""
        return tuple(self._passed_over)

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One member each, read and unpacked when it is called."""
        for index, (name, info) in enumerate(self._images):
            yield PendingFrame(name, partial(self._shot, index, name, info))

    def _sorted(self) -> list[tuple[str, zipfile.ZipInfo]]:
        images = []
        for info in self._opened.members:
            if info.filename.endswith("/"):
                continue
            name = _name(info)
            reason = Reason.LINK if _is_link(info) else reason_to_pass_over(name)
            if reason is None:
                images.append((name, info))
            else:
                self._passed_over.append(PassedOver(name, reason))
        return sorted(images, key=lambda image: image[0])

    def _shot(self, index: int, name: str, info: zipfile.ZipInfo) -> SourceFrame:
        try:
            data = self._opened.read(info)
        except FrameError as error:
            return SourceFrame(index, name, None, None, error.message, self._path)
        return image_shot(index, name, data, self._path, self._spec)


class _Opened:
    """An open archive. The file closes with the last frame that is still to be read from it.

    Several threads may read: zipfile holds a lock around each seek and the read that follows, and
    never closes a file that it did not open.
    """

    def __init__(self, path: Path) -> None:
        try:
            file = _ModerateReads(path)
            weakref.finalize(self, file.close)
            self._zip = zipfile.ZipFile(file)
        except DAMAGE as error:
            raise InputError(
                "The zip archive is damaged or cut off: its directory cannot be read.",
                path=path,
                expected="a zip archive that `unzip -l` lists",
                found=words(error),
                remedy=f"copy it again; this saves what is whole: {_mending(path)}",
            ) from error
        self.members = self._zip.infolist()
        if len(self.members) > MAX_MEMBERS:
            raise InputError(
                "The zip archive has too many members.",
                path=path,
                expected=f"at most {MAX_MEMBERS}",
                found=len(self.members),
                remedy="split it",
            )

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member.

        Raises:
            FrameError: It is encrypted, damaged or too large.
        """
        if info.flag_bits & _ENCRYPTED:
            raise FrameError("The file in the archive is encrypted.")
        require_moderate_size(info.file_size, info.compress_size)
        bounded = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        try:
            with self._zip.open(info) as member:
                return read_member(member, info.file_size, PIECE if bounded else _SMALL_PIECE)
        except FrameError:
            raise
        except DAMAGE as error:
            raise FrameError(f"The file in the archive is damaged: {words(error)}.") from error


class _ModerateReads(io.FileIO):
    """A file that refuses to be read into memory whole, as the archive's directory would be."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # the end of the file, from where zipfile went
            size = _LARGEST_READ
        if size > _LARGEST_READ:
            raise zipfile.BadZipFile(f"it states {size} bytes for its directory")
        return super().read(size) or b""


def _name(info: zipfile.ZipInfo) -> str:
    """The name as its writer meant it.

    Without the UTF-8 flag, code page 437 is due, yet macOS and many libraries write UTF-8.
    """
    name = info.filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        with suppress(UnicodeError):  # it is code page 437
            name = name.encode("cp437").decode("utf-8")
    if info.create_system == _FROM_DOS:
        name = name.replace("\\", "/")
    return shown_name(name)


def _mending(path: Path) -> str:
    return shlex.join(["zip", "-FF", str(path), "--out", str(path.with_suffix(".mended.zip"))])


def _is_link(info: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(info.external_attr >> 16)
