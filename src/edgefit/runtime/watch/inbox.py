"""What waits in the inbox, and whether it is complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgefit.names import printable
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources import VIDEO_SUFFIXES
from edgefit.runtime.walking import PassedOver, suffix_of, walk
from edgefit.runtime.watch.identifying import OWN_PREFIX
from edgefit.runtime.watch.locking import INBOX_LOCK
from edgefit.spec import Links

WATCHED_SUFFIXES = IMAGE_SUFFIXES | VIDEO_SUFFIXES
"""Endings, lower case, of the files that are answered."""


def is_video(path: str) -> bool:
    """Whether a file is answered frame by frame. A GIF is not: its first frame counts."""
    return suffix_of(path) not in IMAGE_SUFFIXES


def frame_name(path: str, index: int) -> str:
    """The name in a line: of an image, its path; of a video, also which frame it is."""
    return f"{printable(path)}#{index}" if is_video(path) else printable(path)


@dataclass(frozen=True)
class Identity:
    """What tells a file from one that was written over it.

    Attributes:
        size: Bytes.
        mtime_ns: When it was last written, nanoseconds since 1970, by its file system's clock.
        inode: Its number on its file system. Some systems (FAT, some network shares) number anew
            after a restart, so only a running process compares it.
    """

    size: int
    mtime_ns: int
    inode: int


def identity_of(path: Path) -> Identity | None:
    """The identity of the file at a path; None where there is none."""
    try:
        facts = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return Identity(facts.st_size, facts.st_mtime_ns, facts.st_ino)


@dataclass(frozen=True)
class Arrival:
    """A file in the inbox.

    Attributes:
        path: Relative to the inbox, POSIX form; bytes that are not UTF-8 are surrogates.
        identity: What it was when it was last looked at.
    """

    path: str
    identity: Identity


@dataclass(frozen=True)
class Look:
    """The inbox at one moment.

    Attributes:
        ready: Files that are complete, the oldest first.
        settling: Files that may still be written.
        passed_over: Everything else.
        ready_in_s: Seconds until the first of those settling may be ready; None where none is.
        locks: Paths of other inboxes' locks, relative to the inbox.
    """

    ready: tuple[Arrival, ...]
    settling: tuple[Arrival, ...]
    passed_over: tuple[PassedOver, ...]
    ready_in_s: float | None
    locks: tuple[str, ...]


class Inbox:
    """Looks into a folder; a file is ready once two looks, far enough apart, saw the same.

    Nothing is concluded from a file's time itself: another machine's clock may have set it.

    Args:
        root: The folder.
        settle_s: Seconds for which a file must not change.
        clock: Seconds that never go back.
    """

    def __init__(
        self, root: Path, settle_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._root, self._settle_s, self._clock = root, settle_s, clock
        self._seen: dict[str, tuple[Identity, float]] = {}

    @property
    def root(self) -> Path:
        """The folder."""
        return self._root

    def look(self) -> Look:
        """Look once.

        Raises:
            OSError: The folder itself cannot be opened.
        """
        found = walk(self._root, links=Links.NONE, suffixes=WATCHED_SUFFIXES)
        now = self._clock()
        seen: dict[str, tuple[Identity, float]] = {}
        for path in found.files:
            identity = identity_of(self._root / path)
            if identity is not None:
                before, since = self._seen.get(path, (identity, now))
                seen[path] = (identity, since if before == identity else now)
        self._seen = seen
        waits = {path: since + self._settle_s - now for path, (_, since) in seen.items()}
        arrivals = sorted((Arrival(p, seen[p][0]) for p in seen), key=_oldest_first)
        settling = tuple(a for a in arrivals if waits[a.path] > 0)
        locks = tuple(e.path for e in found.passed_over if _is_lock(e.path))
        return Look(
            tuple(a for a in arrivals if waits[a.path] <= 0),
            settling,
            tuple(entry for entry in found.passed_over if not _is_own(entry.path)),
            min((waits[a.path] for a in settling), default=None),
            tuple(path for path in locks if path != INBOX_LOCK),
        )


def _oldest_first(arrival: Arrival) -> tuple[int, str]:
    return (arrival.identity.mtime_ns, arrival.path)


def _is_lock(path: str) -> bool:
    return PurePosixPath(path).name == INBOX_LOCK


def _is_own(path: str) -> bool:
    return PurePosixPath(path).name.startswith(OWN_PREFIX)
