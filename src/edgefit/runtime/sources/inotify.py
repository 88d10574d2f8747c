"""Linux's inotify through libc: which files of a folder were closed or renamed in.

It says nothing of what another machine does on a network share, and little of the lower layers of
an overlay, so that whoever uses it also looks at the folder now and then.
See the manual pages inotify(7) and inotify_add_watch(2).
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CLOSE_WRITE, _MOVED_TO, _CREATE = 0x8, 0x80, 0x100
_IS_FOLDER, _QUEUE_OVERFLOW, _IGNORED = 0x40000000, 0x4000, 0x8000
_ONLY_FOLDERS, _NOT_UNLINKED = 0x01000000, 0x04000000
_WANTED = _CLOSE_WRITE | _MOVED_TO | _CREATE | _ONLY_FOLDERS | _NOT_UNLINKED
_EVENT = struct.Struct("iIII")
_BUFFER = 2**16


@dataclass
class Told:
    """What happened in the watched folders since the last look.

    Attributes:
        complete: Files that were closed after writing or renamed in, relative to the root.
        begun: Files that were created, and may be open for writing.
        look: Whether only a look at the whole folder shows what there is: a folder is new, or
            events were lost.
    """

    complete: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    look: bool = False


class Inotify:
    """Watches folders.

    Args:
        root: The folder that paths are relative to.

    Raises:
        OSError: The system has no inotify, or no more of it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._libc = _libc()
        self._fd = self._checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._wake_end, self._wake = os.pipe()
        self._folders: dict[int, str] = {}

    def watch(self, folders: Iterable[str]) -> bool:
        """Watch folders, relative to the root; those watched already cost little.

        Returns:
            Whether all can be watched; the system limits their number.
        """
        all_watched = True
        for folder in folders:
            path = os.fsencode(self._root / folder)
            try:
                number = self._checked(self._libc.inotify_add_watch(self._fd, path, _WANTED))
            except FileNotFoundError:
                continue  # gone again
            except OSError:
                all_watched = False
                continue
            # a folder that was renamed keeps its number
            self._folders[number] = f"{folder}/" if folder else ""
        return all_watched

    def wait(self, timeout_s: float) -> Told:
        """Wait until something happens, for at most so long, or until :meth:`wake`."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake_end, select.POLLIN)
        poll.poll(max(0.0, timeout_s) * 1000)
        return self.told()

    def told(self) -> Told:
        """What happened, without waiting."""
        told = Told()
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return told
            for number, mask, name in _events(data):
                self._sort(told, number, mask, name)

    def wake(self) -> None:
        """End :meth:`wait`; called from another thread."""
        os.write(self._wake, b"x")

    def close(self) -> None:
        """Watch no longer."""
        for fd in (self._fd, self._wake_end, self._wake):
            os.close(fd)

    def _sort(self, told: Told, number: int, mask: int, name: str) -> None:
        if mask & _IGNORED:
            self._folders.pop(number, None)
        elif mask & (_QUEUE_OVERFLOW | _IS_FOLDER) or number not in self._folders:
            told.look = True
        elif mask & (_CLOSE_WRITE | _MOVED_TO):
            told.complete.append(self._folders[number] + name)
        elif mask & _CREATE:
            told.begun.append(self._folders[number] + name)

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


def _libc() -> Any:
    if not sys.platform.startswith("linux"):
        raise OSError("inotify is of Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        raise OSError("the C library has no inotify")
    libc.inotify_add_watch.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32]
    return libc


def _events(data: bytes) -> Iterator[tuple[int, int, str]]:
    position = 0
    while position + _EVENT.size <= len(data):
        number, mask, _cookie, length = _EVENT.unpack_from(data, position)
        position += _EVENT.size
        yield number, mask, os.fsdecode(data[position : position + length].rstrip(b"\0"))
        position += length
