"""The one way through a folder: which files are read, and which are passed over and why.

``check``, ``retention``, ``predict`` and ``watch`` use it, so the same folder holds the same images
for all of them. Every entry that is not a folder is either read or passed over with a reason.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from edgefit.records.passed_over import PassedOverFiles
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.spec import Links

SYSTEM_NAMES = frozenset(
    name.lower()
    for name in (
        # thumbnails, recycle bins and snapshots of network storage (Synology, QNAP, NetApp, Samba)
        *("@eaDir", "#recycle", "@Recycle", "@Recently-Snapshot", "#snapshot", "~snapshot"),
        *("@SynoResource", "@tmp", "@sharebin", "@sharesnap", "@sharesnapshots", "@Transcode"),
        *("SYNOPHOTO_THUMB_B.jpg", "SYNOPHOTO_THUMB_M.jpg", "SYNOPHOTO_THUMB_S.jpg"),
        *("SYNOPHOTO_THUMB_SM.jpg", "SYNOPHOTO_THUMB_XL.jpg", "SYNOPHOTO_THUMB_PREVIEW.jpg"),
        # macOS
        *("__MACOSX", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder"),
        *("TheFindByContentFolder", "Icon\r"),
        # Windows
        *("Thumbs.db", "Thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini"),
        *("$RECYCLE.BIN", "System Volume Information", "FOUND.000"),
        # Linux and Python
        *("lost+found", "__pycache__"),
    )
)
"""Names, lower case, of files and folders that systems make for themselves. Names that start with a
dot (``._x.jpg``, ``.AppleDouble``, ``.ipynb_checkpoints``, ``.Trash-1000``) count as hidden."""
_OLD_WINDOWS_NAMES = frozenset(["RECYCLER", "RECYCLED"])
"""Recycle bins up to Windows XP, in capitals only: ``recycled`` may well be a class."""
_UNFINISHED = frozenset([".part", ".partial", ".crdownload", ".tmp", ".filepart"])


class Reason(StrEnum):
    """Why an entry of a folder is passed over."""

    HIDDEN = "hidden"
    SYSTEM = "system file"
    UNFINISHED = "not yet complete"
    OTHER = "not an image"
    EXCLUDED = "left out by the recipe"
    LINK_OUT = "a link that leads out of the folder"
    LINK_AGAIN = "a link to a folder that is read already"
    LINK_BROKEN = "a link that leads nowhere"
    LINK = "a link"
    NOT_A_FILE = "a pipe, socket or device"
    LOCKED = "cannot be opened"
    VIDEO = "a video in an archive"
    NESTED = "an archive in an archive"


@dataclass(frozen=True)
class PassedOver:
    """An entry that is not read.

    Attributes:
        path: Relative to the folder, POSIX form; bytes that are not UTF-8 are surrogates.
        reason: Why.
    """

    path: str
    reason: Reason


@dataclass(frozen=True)
class Walk:
    """What a folder holds.

    Attributes:
        files: The files to read, relative to the folder, POSIX form, sorted; bytes that are not
            UTF-8 are surrogates, as :func:`os.fsdecode` gives them.
        passed_over: Every other entry that is not a folder.
        folders: The folders that were entered, relative, POSIX form, sorted; without the root.
    """

    files: tuple[str, ...]
    passed_over: tuple[PassedOver, ...]
    folders: tuple[str, ...]


def walk(
    root: Path,
    *,
    links: Links = Links.INSIDE,
    suffixes: frozenset[str] = IMAGE_SUFFIXES,
    max_depth: int | None = None,
) -> Walk:
    """Walk a folder and everything below it.

    Real folders come first: a linked folder is read only if its target was not read already, so
    there is no loop and no image twice. A linked file is read under its own name.

    Args:
        root: The folder.
        links: Which links are followed.
        suffixes: Lower-case endings of the files to read.
        max_depth: Levels of folders to enter below the root; None for all.

    Raises:
        OSError: The root itself cannot be opened.
    """
    walker = _Walker(root, links, suffixes, max_depth)
    walker.run()
    return Walk(
        tuple(sorted(walker.files)),
        tuple(sorted(walker.passed_over, key=lambda entry: entry.path)),
        tuple(sorted(walker.folders)),
    )


def skip_reason(name: str) -> Reason | None:
    """Why an entry of this name is never read; None where its name is no reason."""
    lowered = name.lower()
    if lowered in SYSTEM_NAMES or name in _OLD_WINDOWS_NAMES:
        return Reason.SYSTEM
    if name.startswith("."):
        return Reason.HIDDEN
    return None


def unread_reason(path: str) -> Reason:
    """Why a file whose suffix is none of those wanted is not read."""
    return Reason.UNFINISHED if suffix_of(path) in _UNFINISHED else Reason.OTHER


def suffix_of(path: str) -> str:
    """The ending of a name, lower case, with the dot; empty where it has none."""
    return PurePosixPath(path).suffix.lower()


def counts_of(entries: Iterable[PassedOver]) -> tuple[PassedOverFiles, ...]:
    """The entries counted by reason and suffix, the most frequent first."""
    entries = list(entries)
    counts = Counter((entry.reason, suffix_of(entry.path)) for entry in entries)
    first = {(entry.reason, suffix_of(entry.path)): entry.path for entry in reversed(entries)}
    return tuple(
        PassedOverFiles(reason=key[0], suffix=key[1], files=files, example=first[key])
        for key, files in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def described(counts: Iterable[PassedOverFiles]) -> str:
    """The counts in words, e.g. ``system file: 72 .jpg; not an image: 2 .txt, 1 .md``.

    Empty where nothing is passed over.
    """
    by_reason: dict[str, list[str]] = {}
    for count in counts:
        words = f"{count.files} {count.suffix or 'without extension'}"
        by_reason.setdefault(count.reason, []).append(words)
    return "; ".join(f"{reason}: {', '.join(words)}" for reason, words in by_reason.items())


class _Walker:
    def __init__(
        self, root: Path, links: Links, suffixes: frozenset[str], max_depth: int | None
    ) -> None:
        self._root, self._links, self._suffixes, self._max_depth = root, links, suffixes, max_depth
        self._real_root = os.path.realpath(root)
        self._read: set[tuple[int, int]] = set()
        self._linked_folders: list[str] = []
        self.files: list[str] = []
        self.passed_over: list[PassedOver] = []
        self.folders: list[str] = []

    def run(self) -> None:
        with os.scandir(self._root):
            pass  # the root must open; every folder below it may be locked
        self._enter("")
        # A linked folder may hold further links, which are appended while this runs.
        for path in self._linked_folders:
            self._follow(path)

    def _enter(self, prefix: str) -> None:
        """Read a real folder and all real folders below it; ``prefix`` ends in a slash."""
        waiting = [prefix]
        while waiting:
            folder = waiting.pop()
            if not self._is_new(folder):
                self._pass(folder.rstrip("/"), Reason.LINK_AGAIN)
                continue
            if folder:
                self.folders.append(folder.rstrip("/"))
            for entry in self._entries(folder):
                waiting.extend(self._sort(entry, folder + entry.name))

    def _sort(self, entry: os.DirEntry[str], path: str) -> Iterator[str]:
        """File one entry; yield it where it is a folder to enter."""
        is_folder = entry.is_dir(follow_symlinks=False)
        reason = skip_reason(entry.name)
        if reason is not None:
            self._pass_whole(path, reason) if is_folder else self._pass(path, reason)
        elif is_folder:
            if self._max_depth is None or path.count("/") < self._max_depth:
                yield f"{path}/"
        elif entry.is_symlink():
            self._sort_link(path)
        else:
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except FileNotFoundError:  # renamed or taken away since the folder was listed
                return
            except OSError:  # a folder may allow its names to be listed, and no more
                self._pass(path, Reason.LOCKED)
                return
            self._sort_file(path, mode)

    def _sort_link(self, path: str) -> None:
        try:
            mode = (self._root / path).stat().st_mode
        except OSError:
            return self._pass(path, Reason.LINK_BROKEN)
        if self._links is Links.NONE:
            return self._pass(path, Reason.LINK)
        if self._links is Links.INSIDE and not self._is_inside(path):
            return self._pass(path, Reason.LINK_OUT)
        if not stat.S_ISDIR(mode):
            return self._sort_file(path, mode)
        if self._max_depth is None or path.count("/") < self._max_depth:
            self._linked_folders.append(path)
        return None

    def _sort_file(self, path: str, mode: int) -> None:
        suffix = suffix_of(path)
        if not stat.S_ISREG(mode):
            self._pass(path, Reason.NOT_A_FILE)
        elif suffix in self._suffixes:
            self.files.append(path)
        else:
            self._pass(path, unread_reason(path))

    def _follow(self, path: str) -> None:
        if self._identity(path) in self._read:
            self._pass(path, Reason.LINK_AGAIN)
        else:
            self._enter(f"{path}/")

    def _is_new(self, folder: str) -> bool:
        identity = self._identity(folder)
        if identity is None:
            return True  # _entries says that it cannot be opened
        new = identity not in self._read
        self._read.add(identity)
        return new

    def _identity(self, folder: str) -> tuple[int, int] | None:
        try:
            facts = (self._root / folder).stat()
        except OSError:
            return None
        return (facts.st_dev, facts.st_ino)

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(self._root / path)
        return real == self._real_root or real.startswith(self._real_root.rstrip(os.sep) + os.sep)

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._root / folder) as scan:
                return list(scan)
        except OSError:  # no right to read it, removed meanwhile, or too long a path
            self._pass(folder.rstrip("/"), Reason.LOCKED)
            return []

    def _pass(self, path: str, reason: Reason) -> None:
        self.passed_over.append(PassedOver(path, reason))

    def _pass_whole(self, path: str, reason: Reason) -> None:
        """Count every entry below a folder that is not read; links in it are not followed."""
        waiting = [f"{path}/"]
        while waiting:
            folder = waiting.pop()
            for entry in self._entries(folder):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{folder}{entry.name}/")
                else:
                    self._pass(folder + entry.name, reason)
