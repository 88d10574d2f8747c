"""A packed file as one that is read from its beginning to its end, with bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shlex
import tarfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from edgefit.errors import InputError
from edgefit.runtime.sources.members import MAX_RATIO, PIECE

_RATIO_FROM = 2**30
_LARGEST_READ = PIECE + 512
_XZ, _ZSTD = b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
_XZ_MEMORY = 256 * 2**20
"""For unpacking; ``xz -9`` needs 65 MiB. The header may ask for 4 GiB."""


class Unpacked(io.RawIOBase):
    """What tarfile reads from: it seeks only forward, and no header makes it read gigabytes.

    Args:
        path: A file as it is, or packed by gzip, bzip2, xz or, from Python 3.14 on, zstd.

    Raises:
        InputError: It is packed by zstd and this Python cannot unpack it.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.stopped = False
        self.last = b""
        """What was read last."""
        self._position = 0
        self._packed = path.open("rb")
        self._plain: IO[bytes] = _unpacker(self._packed, path)

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes from the beginning of what is unpacked."""
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Exactly so many bytes, fewer at the end; nothing once ``stopped`` is set.

        Raises:
            ReadError: More bytes than any header has, or the file unpacks to far too much.
        """
        if not 0 <= size <= _LARGEST_READ:
            raise tarfile.ReadError(f"a header states {size} bytes")
        self.last = b"" if self.stopped else self._plain.read(size)
        self._position += len(self.last)
        if self._position > max(_RATIO_FROM, MAX_RATIO * self._packed.tell()):
            raise tarfile.ReadError(f"it unpacks to more than {MAX_RATIO} times its size")
        return self.last

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Skip forward.

        Raises:
            ReadError: Backwards.
        """
        if offset < self._position:
            raise tarfile.ReadError("a header points backwards")
        if self._plain is self._packed:
            self._position = self._packed.seek(offset)
        while self._position < offset and self.read(min(PIECE, offset - self._position)):
            pass
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._packed.close()
        super().close()


def _unpacker(packed: IO[bytes], path: Path) -> IO[bytes]:
    start = packed.read(len(_XZ))
    packed.seek(0)
    unpacker: Any = packed
    if start.startswith(b"\x1f\x8b"):
        unpacker = gzip.GzipFile(fileobj=packed)
    elif start.startswith(b"BZh"):
        unpacker = bz2.BZ2File(packed)
    elif start == _XZ:
        unpacker = io.BufferedReader(_Xz(packed), PIECE)
    elif start.startswith(_ZSTD):
        unpacker = _zstd(packed, path)
    plain: IO[bytes] = unpacker
    return plain


def _zstd(packed: IO[bytes], path: Path) -> Any:
    if find_spec("compression") is None:
        packed.close()
        raise InputError(
            "The archive is packed by zstd, which this Python does not read.",
            path=path,
            expected=".zip, .tar, .tar.gz, .tar.bz2 or .tar.xz; .tar.zst from Python 3.14 on",
            remedy=f"zstd -d {shlex.quote(str(path))}",
        )
    return import_module("compression.zstd").ZstdFile(packed)


class _Xz(io.RawIOBase):
    """lzma.LZMAFile with a limit on the memory that the file's header may ask for."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__()
        self._packed = packed
        self._decompressor = _xz_decompressor()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = b""
        while not data:
            following = b""
            if self._decompressor.eof:
                following = self._next_stream()
                if not following.startswith(_XZ):
                    return 0
                self._decompressor = _xz_decompressor()
            elif self._decompressor.needs_input:
                following = self._packed.read(2**16)
                if not following:
                    raise EOFError("the packed data ends early")
            data = self._decompressor.decompress(following, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next_stream(self) -> bytes:
        """What follows a stream: another one, after any number of zeros."""
        following = self._decompressor.unused_data.lstrip(b"\0")
        while len(following) < len(_XZ) and (data := self._packed.read(2**16)):
            following = (following + data).lstrip(b"\0")
        return following


def _xz_decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
