"""The results: a file of JSON lines that only grows, and that others may rotate."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.watch.durable import is_at, sync_folder
from edgefit.runtime.watch.journal import Mark

_TAIL = 4096
_CHUNK = 1 << 20


class Results:
    """Appends lines, each with one write.

    Args:
        path: The file; it is made where it is missing.
        warn: Takes a sentence that the user must read.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        self._handle: int | None = None
        self._saved_size = -1

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def begin(self) -> Mark:
        """Open the file that has the name now, and say where the next line goes.

        The file may have been rotated since the last batch. A last line without an end, which is
        none of ours, gets one.

        Raises:
            InputError: The file cannot be opened or written.
        """
        try:
            handle = self._open()
            facts = os.fstat(handle)
            if facts.st_size and os.pread(handle, 1, facts.st_size - 1) != b"\n":
                self._warn(
                    f"the last line of {self._path} is incomplete; answers start on a new line"
                )
                self.append(b"\n")
            size = os.fstat(handle).st_size
            if size != self._saved_size:  # lines of others; a mark must not lie beyond the disk
                os.fsync(handle)
            return Mark(inode=facts.st_ino, offset=size, tail_sha256=_tail_hash(handle, size))
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def append(self, line: bytes) -> None:
        """Add a line, which ends in a newline; all of it or nothing.

        Raises:
            InputError: The disk is full, or the file cannot be written.
        """
        assert self._handle is not None
        before = os.fstat(self._handle).st_size
        written = 0
        try:
            while written < len(line):
                written += os.write(self._handle, line[written:])
        except OSError as error:
            if written and os.fstat(self._handle).st_size == before + written:
                os.ftruncate(self._handle, before)
            raise _unwritable(self._path, error) from error

    def sync(self) -> None:
        """Return once every line is on the disk.

        Raises:
            InputError: The disk refuses.
        """
        assert self._handle is not None
        try:
            os.fsync(self._handle)
            self._saved_size = os.fstat(self._handle).st_size
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle, self._saved_size = None, -1

    def _open(self) -> int:
        if self._handle is not None and not is_at(self._handle, self._path):
            self.close()
        if self._handle is None:
            self._handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            sync_folder(self._path.parent)
        return self._handle


def find_marked(mark: Mark, results: Path) -> Path | None:
    """The file that holds a batch's lines: the results, or what rotation made of them.

    None where it is neither, for instance because the rotated file was compressed.
    """
    siblings = sorted(results.parent.glob(f"{glob.escape(results.name)}*"))
    rotated = [path for path in siblings if _inode(path) == mark.inode]
    for path in (*rotated, results):
        if _continues(path, mark):
            return path
    return None


def mend_tail(path: Path, offset: int) -> bool:
    """Cut off what a power cut left of lines after an offset; say whether there was any.

    That is a last line without an end, and all that follows the first zero byte: blocks that were
    reserved but never written read as zeros.
    """
    with path.open("r+b") as file:
        end = position = offset
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            zero = chunk.find(b"\0")
            newline = chunk.rfind(b"\n", 0, None if zero < 0 else zero)
            if newline >= 0:
                end = position + newline + 1
            position += len(chunk)
            if zero >= 0:
                break
        size = file.seek(0, os.SEEK_END)
        if size > end:
            file.truncate(end)
        os.fsync(file.fileno())
    return size > end


def lines_since(path: Path, offset: int) -> Iterator[bytes]:
    """The lines after an offset, in order."""
    with path.open("rb") as file:
        file.seek(offset)
        yield from file


def _continues(path: Path, mark: Mark) -> bool:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return size >= mark.offset and _tail_hash(file.fileno(), mark.offset) == (
                mark.tail_sha256
            )
    except OSError:
        return False


def _tail_hash(handle: int, offset: int) -> str:
    length = min(_TAIL, offset)
    return hashlib.sha256(os.pread(handle, length, offset - length)).hexdigest()


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        "The results cannot be written.",
        path=path,
        found=error.strerror,
        remedy="make room or give the right to write, then start again; files whose lines are "
        "missing are still in the inbox",
    )
