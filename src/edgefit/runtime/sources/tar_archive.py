"""Images in a tar archive, in the order in which they are stored."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from edgefit.runtime.sources.unpacked import Unpacked
from edgefit.runtime.walking import PassedOver, Reason
from edgefit.spec import InputSpec

_BLOCK = tarfile.BLOCKSIZE
_PADDING = 16 * PIECE
"""Bytes after the end mark that are read so that the packer's checksum is compared."""
_NO_GZIP_FOLLOWS = "Not a gzipped file"


@dataclass(frozen=True)
class _Member:
    name: str
    data: bytes | None
    error: str | None


class TarSource(FrameSource):
    """Images of a tar archive in their stored order.

    The archive is read once from its beginning to its end, by the thread that iterates; images are
    decoded when they are called for. Where it is damaged or cut off, the images before that place
    are given, and then one error.

    Args:
        path: The archive, packed by gzip, bzip2 or xz, or not at all.
        spec: The input contract, for a scaled JPEG decode.

    Raises:
        InputError: The file is not a tar archive; from iterating: it holds no image.
    """

    repeatable = True

    def __init__(self, path: Path, spec: InputSpec | None = None) -> None:
        self._path, self._spec = path, spec
        self._passed_over: list[PassedOver] = []
        self._reading: Unpacked | None = None
        self._stopped = False
        try:
            with Unpacked(path) as file:
                _opened(file)
        except DAMAGE as error:
            raise InputError(
                "The file is not a tar archive, or its beginning is damaged.",
                path=path,
                expected="a tar archive, packed by gzip, bzip2 or xz or not at all",
                found=words(error),
                remedy="copy it again, or correct its name",
            ) from error

    @property
    def len_hint(self) -> None:
        """Unknown: a tar archive has no directory."""
        return None

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """What the archive holds beside images, as far as it is read."""
        return tuple(self._passed_over)

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One member each; its bytes are read already."""
        self._passed_over = []
        given = 0
        with Unpacked(self._path) as file:
            self._reading = file
            file.stopped = self._stopped
            for member in self._members(file):
                yield PendingFrame(member.name, partial(self._shot, given, member))
                given += 1
        if not given and not self._stopped:
            raise no_image(self._path, self._passed_over)

    def stop(self) -> None:
        """End the iteration, also while a large member is skipped."""
        self._stopped = True
        if self._reading is not None:
            self._reading.stopped = True

    def _members(self, file: Unpacked) -> Iterator[_Member]:
        name, number = self._path.name, 0
        error: str | None
        try:
            tar = _opened(file)
            while (info := tar.next()) is not None and number < MAX_MEMBERS:
                tar.members.clear()  # tarfile keeps all that it has seen
                number += 1
                name = shown_name(info.name)
                member = self._member(tar, info, name)
                if member is not None:
                    yield member
                name = self._path.name
            error = _ending(file) if info is None else f"it has more than {MAX_MEMBERS} members"
        except DAMAGE as damage:
            error = words(damage)
        if error is not None and not file.stopped:
            yield _Member(name, None, f"The archive is damaged or cut off here: {error}.")

    def _member(self, tar: tarfile.TarFile, info: tarfile.TarInfo, name: str) -> _Member | None:
        """An image; None for what is passed over or a folder."""
        reason = _kind_reason(info) or reason_to_pass_over(name)
        if info.isdir():
            return None
        if reason is not None:
            self._passed_over.append(PassedOver(name, reason))
            return None
        try:
            require_moderate_size(info.size)
            content = tar.extractfile(info)
            data = b"" if content is None else read_member(content, info.size)
        except FrameError as error:
            return _Member(name, None, error.message)
        return _Member(name, data, None)

    def _shot(self, index: int, member: _Member) -> SourceFrame:
        if member.data is None:
            return SourceFrame(index, member.name, None, None, member.error, self._path)
        return image_shot(index, member.name, member.data, self._path, self._spec)


class _Tar(tarfile.TarFile):
    members: list[tarfile.TarInfo]
    """All that were seen; typeshed does not name it."""


def _opened(file: Unpacked) -> _Tar:
    return _Tar(fileobj=file, encoding="utf-8", errors="surrogateescape")


def _kind_reason(info: tarfile.TarInfo) -> Reason | None:
    if info.issym() or info.islnk():
        return Reason.LINK
    return None if info.isreg() else Reason.NOT_A_FILE


def _ending(file: Unpacked) -> str | None:
    """What is wrong with the end of an archive; tarfile takes whatever ends it for its end."""
    if file.last == bytes(_BLOCK):
        return _checksum(file)
    if len(file.last) == _BLOCK:
        return f"no header of a file at byte {file.tell() - _BLOCK}"
    return "its end mark is missing"


def _checksum(file: Unpacked) -> str | None:
    """Read the padding up to the end, where the packer's checksum is."""
    end = file.tell() + _PADDING
    try:
        while file.tell() < end and (padding := file.read(PIECE)):
            if padding.count(0) < len(padding):
                return "more data follows its end mark, as of another archive"
    except DAMAGE as damage:
        said = words(damage)
        # gzip itself ignores what is appended to its data, too
        return None if said.startswith(_NO_GZIP_FOLLOWS) else f"one of its images is, {said}"
    return None
