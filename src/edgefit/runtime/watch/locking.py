"""A lock that two processes cannot both hold, and that dies with its process (``flock(2)``)."""

from __future__ import annotations

import errno
import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgefit.errors import InputError
from edgefit.names import escaped, unescaped
from edgefit.runtime.watch.durable import is_at
from edgefit.runtime.watch.identifying import OWN_PREFIX

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

INBOX_LOCK = f"{OWN_PREFIX}lock"
"""Name of the lock in an inbox; hidden, so that it is never taken for an image."""
_HELD = (errno.EWOULDBLOCK, errno.EACCES)


@dataclass(frozen=True)
class Holder:
    """Who holds a lock, or held it last.

    Attributes:
        pid: Its process.
        host: Its machine.
        since: When it started, UTC, ISO 8601.
        results: The results file it writes to.
    """

    pid: int
    host: str
    since: str
    results: Path

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Lock:
    """An exclusive lock on a file, held until :meth:`release` or the end of the process.

    Args:
        path: The lock's file; it is made and stays.
        subject: What is locked, for the message.
        results: Written into the file, see :class:`Holder`.

    Attributes:
        former: Who held it last, as far as the file says.

    Raises:
        InputError: Another process holds it, or the file system cannot lock.
    """

    def __init__(self, path: Path, subject: str, results: Path) -> None:
        self._path, self._subject, self._results = path, subject, results
        self._handle = self._take()
        self.former = holder_of(path)

    def announce(self) -> None:
        """Write into the file who holds it."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = Holder(os.getpid(), socket.gethostname(), since, self._results)
        facts = asdict(holder) | {"results": escaped(str(self._results))}
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, (json.dumps(facts) + "\n").encode(), 0)

    def is_in_place(self) -> bool:
        """Whether the file that is locked is the one that others find."""
        return is_at(self._handle, self._path)

    def take_again(self) -> None:
        """Lock the file that is at the path now: the folder was mounted anew or cleaned.

        Raises:
            InputError: Another process holds it.
            OSError: There is no such folder now.
        """
        handle = self._take()
        os.close(self._handle)
        self._handle = handle
        self.announce()

    def release(self) -> None:
        """Let others have it."""
        os.close(self._handle)

    def _take(self) -> int:
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if not _lock(handle, self._path):
                    raise _held(self._subject, self._path)
                # Whoever removes the file while this process waits makes way for a second lock.
                if is_at(handle, self._path):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)


def holder_of(path: Path) -> Holder | None:
    """Who holds a lock, or held it last; None where its file does not say."""
    try:
        facts = json.loads(path.read_bytes())
        results = Path(unescaped(str(facts["results"])))
        return Holder(int(facts["pid"]), str(facts["host"]), str(facts["since"]), results)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(path: Path) -> bool:
    """Whether another process holds a lock; False where there is none."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(handle, path)
    finally:
        os.close(handle)


def refuse_locks_around(inbox: Path) -> None:
    """Refuse an inbox that lies inside another one that is being watched.

    Raises:
        InputError: It does.
    """
    for folder in inbox.parents:
        lock = folder / INBOX_LOCK
        if is_held(lock):
            raise _held("a folder around this inbox", lock)


def refuse_lock_below(inbox: Path, relative: str) -> None:
    """Refuse an inbox with a folder in it that is being watched by itself.

    Raises:
        InputError: The lock at this path below the inbox is held.
    """
    lock = inbox / relative
    if is_held(lock):
        raise _held("a folder inside this inbox", lock)


def require_locks() -> None:
    """Refuse a system without ``flock``.

    Raises:
        InputError: It has none.
    """
    if fcntl is None:
        raise InputError(
            "watch needs a system with flock, such as Linux.",
            remedy="on this system, use `edgefit predict`",
        )


def locks_exist() -> bool:
    """Whether this system has ``flock``."""
    return fcntl is not None


def lock_open_file(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds it.

    Raises:
        OSError: The file system cannot lock.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def _lock(handle: int, path: Path) -> bool:
    try:
        return lock_open_file(handle)
    except OSError as error:
        raise InputError(
            "The file system cannot lock files, so two instances could answer the same image.",
            path=path,
            found=error.strerror,
            remedy="use a folder on another file system, or mount this one with locks",
        ) from error


def _held(subject: str, lock: Path) -> InputError:
    holder = holder_of(lock)
    return InputError(
        f"Another `edgefit watch` has {subject}.",
        path=lock.parent,
        found=str(holder) if holder else "a process that does not say its name",
        remedy="stop it first, or give this one an inbox and a results file of its own",
    )
