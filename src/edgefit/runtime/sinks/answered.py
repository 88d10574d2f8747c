"""Which frames the records of earlier runs have answered."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.names import printable
from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.sinks.written import Written
from edgefit.wording import counted


class Answered:
    """The frames of earlier records, each known by its source and its printable name.

    A name may come several times, in an archive for instance: as many frames of it, in their order,
    are answered. Where frames have regions, the last one may lack some, so it is answered again and
    :meth:`holds` tells which records of it are there.

    One object belongs to one sink, which fills it when it is opened.

    A frame takes 9 bytes: 8 of them are a BLAKE2b hash. Of a million frames beside a million
    records, the chance that any is wrongly taken for another is 5e-8 (1e12 / 2**64).

    Args:
        origin: What will answer; records of another bundle or variant are refused. None for any.
    """

    def __init__(self, origin: Origin | None = None) -> None:
        self._origin = origin
        self._listed = array("Q")
        self._keys: NDArray[np.uint64] | None = None
        self._used = np.zeros(0, np.bool_)
        self._last: Written | None = None
        self._regions: set[str] = set()
        self._again: int | None = None
        self.records = self.unreadable = 0
        self.sources: set[str] = set()

    @property
    def frames(self) -> int:
        """How many frames have records."""
        return len(self._listed) if self._keys is None else len(self._keys)

    def __str__(self) -> str:
        return f"going on after {counted(self.records, 'record')}"

    def read(self, path: Path, records: Callable[[Path], Iterator[Written]]) -> int:
        """Take in the records of a file.

        Args:
            path: The file; a later one is read later.
            records: Reads it.

        Returns:
            Where the last whole record ends, in bytes; what follows is to be cut off. 0 where there
            is none.

        Raises:
            InputError: The file holds something else, or another bundle or variant wrote its end.
        """
        end = 0
        for written in records(path):
            self._add(written)
            end = written.end
        if end and self._last is not None:
            _require_same(path, self._last.origin, self._origin)
        return end

    def leaves_out(self, name: str, source: str = "") -> bool:
        """Whether a frame is answered; ask once for each frame, in the order of the source."""
        key = _key(name, source)
        keys = self._sorted()
        at = int(np.searchsorted(keys, np.uint64(key)))
        while at < len(keys) and keys[at] == key and self._used[at]:
            at += 1
        if at == len(keys) or keys[at] != key:
            return False
        self._used[at] = True
        if self._is_incomplete(key, at):
            self._again = key
            return False
        return True

    def holds(self, answer: Answer) -> bool:
        """Whether an answer has a record: one of a region of the last frame, asked for once."""
        frame, region = answer.frame, answer.region
        if self._again is None or region is None or printable(region.name) not in self._regions:
            return False
        if _key(frame.name, frame.source) != self._again:
            return False
        self._regions.remove(printable(region.name))
        return True

    def _add(self, written: Written) -> None:
        last = self._last
        is_further_region = (
            last is not None
            and written.region is not None
            and (last.source, last.name, last.index)
            == (written.source, written.name, written.index)
        )
        if not is_further_region:
            self._listed.append(_key(written.name, written.source))
            self._regions = set()
        if written.region is not None:
            self._regions.add(written.region)
        self._last = written
        self.records += 1
        self.unreadable += written.is_error
        self.sources.add(written.source)

    def _sorted(self) -> NDArray[np.uint64]:
        if self._keys is None:
            self._keys = np.sort(np.frombuffer(self._listed, np.uint64))
            self._used = np.zeros(len(self._keys), np.bool_)
            self._listed = array("Q")
        return self._keys

    def _is_incomplete(self, key: int, at: int) -> bool:
        """Whether this is the last frame, and of regions: of frames of its name, the last one."""
        if self._last is None or not self._regions:
            return False
        keys = self._sorted()
        is_last_of_name = at + 1 == len(keys) or keys[at + 1] != key
        return is_last_of_name and key == _key(self._last.name, self._last.source)


def answered_in(
    path: Path, records: Callable[[Path], Iterator[Written]], origin: Origin | None = None
) -> Answered:
    """What a file of results answers; it is only read.

    Args:
        path: The file; nothing is answered where there is none.
        records: Reads it: :func:`.json_lines`, or :func:`.csv_rows` for a header.
        origin: What will answer; None for anything.

    Raises:
        InputError: See :meth:`Answered.read`.
    """
    answered = Answered(origin)
    if path.exists():
        answered.read(path, records)
    return answered


def _key(name: str, source: str) -> int:
    text = f"{printable(source)}\0{printable(name)}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _require_same(path: Path, found: Origin | None, origin: Origin | None) -> None:
    """Refuse records of another bundle; those that do not say are taken as they are."""
    if found is None or origin is None or found == origin:
        return
    raise InputError(
        "The results cannot be continued: another bundle or variant wrote them.",
        path=path,
        expected=f"bundle {origin.bundle}, variant {origin.variant}",
        found=f"bundle {found.bundle}, variant {found.variant}",
        remedy="give the bundle and the variant that wrote them, or write to another file; "
        "nothing was changed",
    )
