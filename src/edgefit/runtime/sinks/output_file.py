"""A file that grows by whole records, locked against a second writer; its loss is noticed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

from edgefit.errors import InputError
from edgefit.runtime.watch.durable import is_at
from edgefit.runtime.watch.locking import lock_open_file, locks_exist

_PROC_LOCKS = Path("/proc/locks")


class OutputFile:
    """An open file; a record is handed to the operating system at once.

    A pipe or a device may be given, too. It is neither locked nor continued.

    Args:
        path: The file.
        how: ``keep`` what it holds, ``replace`` it, or it must be ``new``.

    Attributes:
        path: The file.
        size: Bytes that it holds.

    Raises:
        FileExistsError: It is to be new and is not.
        InputError: It cannot be opened for writing, or another process writes to it.
    """

    def __init__(self, path: Path, how: Literal["keep", "replace", "new"] = "keep") -> None:
        self.path = path
        self._failed = False
        try:
            if how == "new":
                path.open("xb").close()
            self._file = path.open("ab", buffering=0)
        except FileExistsError:
            raise
        except OSError as error:
            raise InputError(
                "The output file cannot be written.",
                path=path,
                found=error.strerror,
                remedy="give a file in a folder that exists and can be written to",
            ) from error
        try:
            self._begin(how)
        except BaseException:
            self._file.close()
            raise

    @property
    def is_regular(self) -> bool:
        """Whether it is a file on a disk, not a pipe or a device."""
        return self._is_regular

    def cut(self, size: int) -> None:
        """Keep so many bytes of it."""
        try:
            self._file.truncate(size)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.size = size

    def put(self, record: bytes) -> None:
        """Add a record, all of it or nothing.

        Raises:
            InputError: The disk is full, or the file was removed or cannot be written.
        """
        try:
            before = self._size_now()
            self._write(record, before)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._failed = True
            raise unwritable(self.path, error) from error
        self.size = before + len(record)

    def is_in_place(self) -> bool:
        """Whether the path still leads to this file; False once it was renamed."""
        return is_at(self._file.fileno(), self.path)

    def close(self) -> None:
        """Close it; what it holds is on the disk then.

        Raises:
            InputError: The disk refuses.
        """
        if self._file.closed:
            return
        try:
            if self._is_regular and not self._failed:
                os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from error
        finally:
            self._file.close()

    def _begin(self, how: str) -> None:
        facts = os.fstat(self._file.fileno())
        self._is_regular = stat.S_ISREG(facts.st_mode)
        self._has_names = facts.st_nlink > 0
        self.size = facts.st_size if self._is_regular else 0
        if not self._is_regular:
            return
        self._lock()
        if how == "replace":
            self.cut(0)

    def _lock(self) -> None:
        if not locks_exist():
            return
        try:
            locked = lock_open_file(self._file.fileno())
        except OSError:  # a file system without locks; writing works all the same
            return
        if not locked:
            raise InputError(
                "Another process writes to the output file.",
                path=self.path,
                found=_holder(self._file.fileno()),
                remedy="stop it first, or give another file",
            )

    def _size_now(self) -> int:
        if not self._is_regular:
            return self.size
        facts = os.fstat(self._file.fileno())
        if self._has_names and facts.st_nlink == 0:
            self._failed = True
            raise InputError(
                "The output file was removed while it was written; its records are lost.",
                path=self.path,
                remedy="run the same command again; to rotate files, rename them and send SIGHUP",
            )
        return facts.st_size

    def _write(self, record: bytes, before: int) -> None:
        written = 0
        try:
            while written < len(record):
                written += self._file.write(record[written:]) or 0
        except BaseException:
            self._undo(before, written)
            raise

    def _undo(self, before: int, written: int) -> None:
        """Cut off half a record, unless somebody else wrote behind it."""
        if written and self._is_regular:
            size = os.fstat(self._file.fileno()).st_size
            if size == before + written:
                self._file.truncate(before)


def unwritable(path: Path, error: OSError) -> InputError:
    """The error for a file that takes no more."""
    return InputError(
        "The results cannot be written.",
        path=path,
        found=error.strerror,
        remedy="make room or correct the rights, then continue the file; all records in it are "
        "whole",
    )


def _holder(handle: int) -> str:
    """Who holds the lock of an open file, as far as Linux says."""
    facts = os.fstat(handle)
    place = f"{os.major(facts.st_dev):02x}:{os.minor(facts.st_dev):02x}:{facts.st_ino}"
    try:
        lines = _PROC_LOCKS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        lines = []
    for words in map(str.split, lines):
        # "1: FLOCK ADVISORY WRITE 4711 08:01:123456 0 EOF", see proc(5)
        if len(words) > 5 and words[5] == place and words[4].isdigit():
            return f"process {words[4]}"
    return "a process that does not say its name"
