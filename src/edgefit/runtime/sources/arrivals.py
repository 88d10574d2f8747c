"""When a file that appears in a folder is complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_AFTER_CLOSING_S = 0.1
"""Some programs set a file's time after they close it, which must not make it another file."""
_WHILE_OPEN = 10
"""How many times longer a file may rest while it is known to be open, or is empty."""


@dataclass(frozen=True)
class _Identity:
    size: int
    mtime_ns: int
    inode: int


@dataclass
class _Waiting:
    identity: _Identity
    since: float
    rest_s: float


class Arrivals:
    """Files that came and are not given yet, and those given.

    A file is complete once its size and time have rested: for a moment after it was closed or
    renamed in, else for ``settle_s``. Nothing is concluded from its time alone, since another
    machine's clock may have set it. A file that was written again after it was given comes again.

    Args:
        root: The folder.
        settle_s: Seconds for which a file must not change.
        clock: Seconds that never go back.
    """

    def __init__(
        self, root: Path, settle_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._root, self._settle_s, self._clock = root, settle_s, clock
        self._waiting: dict[str, _Waiting] = {}
        self._given: dict[str, _Identity] = {}
        self._hold_until = 0.0

    def start(self, files: Iterable[str], already: Callable[[str], bool]) -> None:
        """The files that are there at first; they are given before all others, in this order.

        Args:
            files: Relative to the root.
            already: Whether a file is answered; such a file is not given.
        """
        there = {path: self._identity(path) for path in files}
        now = self._clock()
        self._hold_until = now + self._settle_s
        for path, identity in there.items():
            if identity is not None and already(path):
                self._given[path] = identity
            elif identity is not None:
                self._wait(path, identity, now, self._settle_s)

    def list_again(self, files: Iterable[str]) -> None:
        """All files that are there now; those that are not are forgotten."""
        there = {path: self._identity(path) for path in files}
        self._given = {path: seen for path, seen in self._given.items() if path in there}
        now = self._clock()
        for path, identity in there.items():
            if identity is not None and path not in self._waiting:
                self._wait(path, identity, now, self._settle_s)

    def closed(self, path: str) -> None:
        """A file was closed after writing, or renamed to this path."""
        self._came(path, _AFTER_CLOSING_S)

    def begun(self, path: str) -> None:
        """A file was created and may still be open."""
        self._came(path, _WHILE_OPEN * self._settle_s)

    def knows(self, path: str) -> bool:
        """Whether a file waits or was given."""
        return path in self._waiting or path in self._given

    def ready(self) -> list[str]:
        """The files that are complete by now; each is returned once."""
        now = self._clock()
        if now < self._hold_until:
            return []
        due = [path for path, file in self._waiting.items() if now >= file.since + file.rest_s]
        return [path for path in due if self._is_complete(path)]

    def next_s(self) -> float | None:
        """Seconds until a file may be complete; None where none waits."""
        if not self._waiting:
            return None
        first = min(file.since + file.rest_s for file in self._waiting.values())
        return max(0.0, max(first, self._hold_until) - self._clock())

    def _is_complete(self, path: str) -> bool:
        file, identity = self._waiting.pop(path), self._identity(path)
        if identity is None:  # deleted or renamed meanwhile
            return False
        if identity != file.identity:
            self._wait(path, identity, self._clock(), self._settle_s)
            return False
        self._given[path] = identity
        return True

    def _came(self, path: str, rest_s: float) -> None:
        identity = self._identity(path)
        if identity is None:
            self._waiting.pop(path, None)
        else:
            self._wait(path, identity, self._clock(), rest_s)

    def _wait(self, path: str, identity: _Identity, now: float, rest_s: float) -> None:
        if self._given.get(path) == identity:
            return
        if identity.size == 0:
            rest_s = _WHILE_OPEN * self._settle_s
        self._waiting[path] = _Waiting(identity, now, rest_s)

    def _identity(self, path: str) -> _Identity | None:
        try:
            facts = (self._root / path).stat()
        except OSError:
            return None
        return _Identity(facts.st_size, facts.st_mtime_ns, facts.st_ino)
