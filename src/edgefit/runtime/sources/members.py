"""Which members of an archive are read, and how large one may be: no archive fills the memory."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from edgefit.errors import FrameError, InputError
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.video_file import VIDEO_SUFFIXES
from edgefit.runtime.walking import (
    PassedOver,
    Reason,
    counts_of,
    described,
    skip_reason,
    suffix_of,
    unread_reason,
)

MAX_MEMBERS = 1_000_000
MAX_BYTES = 256 * 2**20
"""Largest member that is read, in bytes."""
MAX_RATIO = 200
"""How many times larger than in the archive data may be, once it is longer than RATIO_FROM."""
RATIO_FROM = 64 * 2**20
"""Shorter members may have any ratio: a black bitmap is 1000 times larger than its packed form."""
PIECE = 2**20

DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    MemoryError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
)
"""What the standard library's readers raise for archives that are damaged or made to harm."""

_ARCHIVES = frozenset([".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst"])


def reason_to_pass_over(name: str) -> Reason | None:
    """Why a member of this name is not read; None for an image.

    A name is never used as a path, so ``../x.png`` and ``/x.png`` are names like any other.
    """
    for part in name.split("/"):
        reason = None if part in ("", ".", "..") else skip_reason(part)
        if reason is not None:
            return reason
    suffix = suffix_of(name)
    if suffix in IMAGE_SUFFIXES:
        return None
    if suffix in VIDEO_SUFFIXES:
        return Reason.VIDEO
    return Reason.NESTED if suffix in _ARCHIVES else unread_reason(name)


def shown_name(name: str) -> str:
    """The name of a member as a folder would show it, without a leading ``./``."""
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return name


def require_moderate_size(size: int, packed: int | None = None) -> None:
    """Refuse a member by what the archive states, before any of it is read.

    Args:
        size: Bytes of the member.
        packed: Bytes that it takes in the archive, where they are its own.

    Raises:
        FrameError: It is too large, or unpacks to far too many bytes.
    """
    if not 0 <= size <= MAX_BYTES:
        raise FrameError(
            f"The file in the archive is too large: {size} bytes, the limit is {MAX_BYTES}."
        )
    if packed is not None and size > max(RATIO_FROM, MAX_RATIO * packed):
        raise FrameError(f"The file in the archive unpacks from {packed} to {size} bytes.")


def read_member(file: IO[bytes], size: int, piece: int = PIECE) -> bytes:
    """Read a member whole; what the archive states of its size may be wrong.

    Args:
        file: The unpacked member.
        size: Bytes that the archive states; at most :data:`MAX_BYTES`.
        piece: Bytes to read at once.

    Raises:
        FrameError: It holds more or fewer bytes.
    """
    pieces, length = [], 0
    while length <= size and (data := file.read(min(piece, size + 1 - length))):
        pieces.append(data)
        length += len(data)
    if length != size:
        held = "more" if length > size else str(length)
        raise FrameError(f"The archive states {size} bytes for this file, it holds {held}.")
    return b"".join(pieces)


def words(error: BaseException) -> str:
    """What a reader of the standard library says, in one line."""
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__


def no_image(path: Path, passed_over: list[PassedOver]) -> InputError:
    """The error for an archive without images."""
    return InputError(
        "The archive holds no image.",
        path=path,
        expected=f"files with one of the extensions {' '.join(sorted(IMAGE_SUFFIXES))}",
        found=described(counts_of(passed_over)) or "no file at all",
        remedy="give an archive of images; videos and archives in it are unpacked first",
    )
