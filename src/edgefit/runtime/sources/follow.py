"""Images of a folder as they come: written there, renamed in, or in new folders below it."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath

from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.runtime.images.decode import IMAGE_SUFFIXES
from edgefit.runtime.sources.arrivals import Arrivals
from edgefit.runtime.sources.image_files import image_shot
from edgefit.runtime.sources.inotify import Inotify, Told
from edgefit.runtime.sources.options import SourceOptions
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.runtime.walking import PassedOver, Walk, skip_reason, suffix_of, walk

_SELDOM_S = 10.0
"""How often the folder is looked through although inotify tells of it."""
_OFTEN_S = 1.0
"""How often it is looked through where nothing tells of it."""
_SOON_S = 0.05
_WALK_SHARE = 20
"""A look that takes 1 s is followed by a pause of at least so many seconds."""


class FollowSource(FrameSource):
    """The images that lie in a folder, sorted by path, and then those that come, until stopped.

    inotify tells of files that are closed or renamed in. The folder is also looked through, seldom
    where inotify works and often where it does not (network shares, other systems). What is passed
    over is the same as for a folder that is read once. Nothing is dropped.

    Args:
        folder: The folder.
        options: Uses ``settle_s``, ``already``, ``links``, ``spec``, ``give_up_s`` and ``tell``.

    Raises:
        InputError: The folder cannot be opened; from iterating: it stays away for ``give_up_s``.
    """

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        self._root, self._options = folder, options
        self._arrivals = Arrivals(folder, options.settle_s)
        self._found = self._walked()
        if self._found is None:
            raise self._away_error("The folder cannot be opened.")
        self._root_is = _place(folder)
        self._away_since: float | None = None
        self._next_look = 0.0
        self._soon_s = _SOON_S
        self._stop = threading.Event()
        self._bell_lock = threading.Lock()
        self._inotify: Inotify | None = None
        self._is_told = False
        """Whether inotify seems to tell of every file."""
        self._may_find_more = True
        """Whether the next look may find what inotify did not tell: a folder is new, say."""

    @property
    def len_hint(self) -> None:
        """Unknown."""
        return None

    @property
    def passed_over(self) -> tuple[PassedOver, ...]:
        """What lay beside the images at the last look."""
        return self._found.passed_over if self._found is not None else ()

    def __iter__(self) -> Iterator[SourceFrame]:
        for decode in self.pending():
            yield decode()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One file each."""
        index = 0
        self._begin()
        try:
            while not self._stop.is_set():
                for path in self._arrived():
                    yield partial(self._shot, index, path, time.time(), time.monotonic())
                    index += 1
                    if self._stop.is_set():
                        return
        finally:
            self._end()

    def stop(self) -> None:
        """End at once."""
        self._stop.set()
        with self._bell_lock:
            if self._inotify is not None:
                self._inotify.wake()

    def _begin(self) -> None:
        try:
            self._inotify = Inotify(self._root)
        except OSError:
            self._inotify = None
        # watched before the folder is listed, so that nothing comes between
        self._is_told = self._inotify is not None and self._inotify.watch([""])
        self._found = self._walked() or Walk((), (), ())
        self._arrivals.start(self._found.files, self._options.already)
        self._next_look = time.monotonic() + _SOON_S  # the folders below are not watched yet

    def _end(self) -> None:
        with self._bell_lock:
            if self._inotify is not None:
                self._inotify.close()
            self._inotify = None

    def _arrived(self) -> list[str]:
        """Wait for something to happen; the files that are complete by then."""
        if time.monotonic() >= self._next_look:
            self._look()
        pauses = [self._next_look - time.monotonic(), self._arrivals.next_s()]
        pause = max(0.0, min(pause for pause in pauses if pause is not None))
        if self._inotify is not None:
            self._hear(self._inotify.wait(pause))
        else:
            self._stop.wait(pause)
        return self._arrivals.ready() if self._away_since is None else []

    def _hear(self, told: Told) -> None:
        for path in told.begun:
            if self._may_come(path):
                self._arrivals.begun(path)
        for path in told.complete:
            if self._may_come(path):
                self._arrivals.closed(path)
        if told.look:
            self._may_find_more = True
            self._next_look = min(self._next_look, time.monotonic() + self._soon_s)

    def _may_come(self, path: str) -> bool:
        """Whether a path that inotify told is an image; links are left to the next look."""
        name = PurePosixPath(path).name
        if skip_reason(name) is not None or suffix_of(name) not in IMAGE_SUFFIXES:
            return False
        try:
            return stat.S_ISREG((self._root / path).lstat().st_mode)
        except OSError:
            return False

    def _look(self) -> None:
        began = time.monotonic()
        before, found = self._found or Walk((), (), ()), self._walked()
        if found is None or self._is_left(found):
            self._wait_for_it()
            return
        self._root_is = _place(self._root)
        self._is_back()
        self._found = found
        if self._inotify is not None:
            self._hear(self._inotify.told())
            self._is_told &= self._inotify.watch(["", *found.folders])
        if not self._may_find_more and self._has_news(found):
            self._is_told = False
        # a new folder was listed before it was watched
        self._may_find_more = not set(found.folders) <= set(before.folders)
        self._arrivals.list_again(found.files)
        now = time.monotonic()
        took_s = now - began
        self._soon_s = max(_SOON_S, took_s)
        pause = max(_SELDOM_S if self._is_told else _OFTEN_S, _WALK_SHARE * took_s)
        self._next_look = now + (self._soon_s if self._may_find_more else pause)

    def _has_news(self, found: Walk) -> bool:
        """Whether the folder holds an image that nothing told of; links are never told."""
        knows = self._arrivals.knows
        return any(not knows(path) and self._may_come(path) for path in found.files)

    def _walked(self) -> Walk | None:
        try:
            return walk(self._root, links=self._options.links)
        except OSError:
            return None

    def _is_left(self, found: Walk) -> bool:
        """Whether a share is no longer mounted here: another folder, without anything in it."""
        is_empty = not (found.files or found.passed_over or found.folders)
        return is_empty and _place(self._root) != self._root_is

    def _wait_for_it(self) -> None:
        now = time.monotonic()
        self._next_look = now + _OFTEN_S
        if self._away_since is None:
            self._away_since = now
            self._options.tell(f"{printable(str(self._root))} is away; edgefit waits for it.")
        if now - self._away_since >= self._options.give_up_s:
            raise self._away_error("The folder stays away.")

    def _is_back(self) -> None:
        if self._away_since is None:
            return
        self._away_since = None
        self._options.tell(f"{printable(str(self._root))} is back.")

    def _away_error(self, message: str) -> InputError:
        return InputError(
            message,
            path=self._root,
            expected="a folder that can be listed",
            remedy="correct the path or its rights, or connect the share",
        )

    def _shot(self, index: int, path: str, at: float, monotonic_s: float) -> SourceFrame:
        file = self._root / path
        shot = image_shot(index, path, file, file, self._options.spec)
        return replace(shot, arrived_at=at, arrived_monotonic_s=monotonic_s)


def _place(folder: Path) -> tuple[int, int] | None:
    try:
        facts = folder.stat()
    except OSError:
        return None
    return (facts.st_dev, facts.st_ino)
