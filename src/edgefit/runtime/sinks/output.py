"""Where records go: standard output, one file, or a series of files."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgefit.errors import InputError
from edgefit.runtime.sinks.answered import Answered
from edgefit.runtime.sinks.output_file import OutputFile
from edgefit.runtime.sinks.rotation import FileNames, Rotation
from edgefit.runtime.sinks.written import Written

STDOUT = "-"


@dataclass(frozen=True)
class RecordFormat:
    """What an output must know of its records.

    Attributes:
        header: What each file begins with; may be empty.
        read: Reads the records of a file back.
    """

    header: bytes
    read: Callable[[Path], Iterator[Written]]


class Output(ABC):
    """Takes records, each ready as bytes."""

    @abstractmethod
    def put(self, record: bytes) -> None:
        """Hand a record to the operating system, all of it or nothing."""

    def reopen(self) -> None:  # noqa: B027 - standard output has no name
        """Before the next record, open the file that has the name then."""

    @abstractmethod
    def close(self) -> None:
        """Release what is open."""


class StandardOutput(Output):
    """Standard output; it stays open."""

    def __init__(self, header: bytes) -> None:
        self._file = sys.stdout.buffer
        if header:
            self.put(header)

    def put(self, record: bytes) -> None:
        """Write a record and flush it."""
        try:
            self._file.write(record)
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise InputError(
                "The results cannot be written.",
                path="standard output",
                found=error.strerror,
                remedy="make room and run it again with --out FILE, which keeps records whole; "
                "the last line may be incomplete",
            ) from error

    def close(self) -> None:
        """Leave it open."""


class OneFile(Output):
    """One file, which others may rename to rotate it (:meth:`reopen`).

    Args:
        path: The file.
        records: Their format.
        answered: Takes in what the file holds, which then goes on; without it, the file is
            replaced.

    Raises:
        InputError: It cannot be written or continued, or another process writes to it.
    """

    def __init__(self, path: Path, records: RecordFormat, answered: Answered | None) -> None:
        self._path, self._records = path, records
        self._wants_reopening = False
        self._file = OutputFile(path, "replace" if answered is None else "keep")
        try:
            if answered is not None:
                _take_in(self._file, records, answered)
            _begin(self._file, records)
        except BaseException:
            self._file.close()
            raise

    def put(self, record: bytes) -> None:
        """Add a record."""
        if self._wants_reopening:
            self._wants_reopening = False
            self._reopen()
        self._file.put(record)

    def reopen(self) -> None:
        """Before the next record, open the file that has the name then; safe in a signal."""
        self._wants_reopening = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _reopen(self) -> None:
        if self._file.is_regular and not self._file.is_in_place():
            self._file.close()
            self._file = OutputFile(self._path)
            _begin(self._file, self._records)


class RotatedFiles(Output):
    """A series of files, each replaced by the next between two records; none is overwritten.

    Args:
        names: The names.
        rotation: When the next file begins.
        records: The format of the records.
        answered: Takes in what the files hold, the newest of which then goes on if it is due.
        clock: Seconds since 1970.

    Raises:
        InputError: See :class:`OneFile`.
    """

    def __init__(
        self,
        names: FileNames,
        rotation: Rotation,
        records: RecordFormat,
        answered: Answered | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._names, self._rotation, self._records, self._clock = names, rotation, records, clock
        self._wants_next = False
        self._period = names.period(clock(), rotation)
        self._number = 1
        self._name = names.at(clock())
        file = None if answered is None else self._continued(answered)
        self._file = file or self._next()

    def put(self, record: bytes) -> None:
        """Add a record, to the next file if it is due."""
        if self._is_due(len(record)):
            self._file.close()
            self._file = self._next()
        self._file.put(record)

    def reopen(self) -> None:
        """Before the next record, begin the next file if this one was renamed; safe in a signal."""
        self._wants_next = True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_due(self, more: int) -> bool:
        wanted, self._wants_next = self._wants_next, False
        if wanted and not self._file.is_in_place():
            return True
        limit = self._rotation.size
        if limit is not None and len(self._records.header) < self._file.size > limit - more:
            return True
        # a clock that is set back begins no file
        return self._names.period(self._clock(), self._rotation) > self._period

    def _next(self) -> OutputFile:
        now = self._clock()
        self._period = max(self._period, self._names.period(now, self._rotation))
        if self._names.at(now) != self._name:
            self._name, self._number = self._names.at(now), 1
        while True:
            try:
                file = OutputFile(self._names.at(now, self._number), "new")
            except FileExistsError:
                self._number += 1
                continue
            try:
                _begin(file, self._records)
            except BaseException:
                file.close()
                raise
            return file

    def _continued(self, answered: Answered) -> OutputFile | None:
        """Mend and take in the files that are there; the newest, if it still takes records."""
        newest, goes_on = None, False
        for path in self._names.existing():
            if newest is not None:
                newest.close()
            goes_on = self._is_current(path)
            newest = OutputFile(path)
            try:
                _take_in(newest, self._records, answered)
                _begin(newest, self._records)
            except BaseException:
                newest.close()
                raise
        if newest is not None and not goes_on:
            newest.close()
        return newest if goes_on else None

    def _is_current(self, path: Path) -> bool:
        number = self._names.number_of(path, self._clock())
        self._number = number or 1
        written = self._names.period(path.stat().st_mtime, self._rotation)
        return number is not None and written == self._period


def open_output(
    target: str | Path,
    records: RecordFormat,
    *,
    rotation: Rotation | None = None,
    answered: Answered | None = None,
) -> Output:
    """Open an output.

    Args:
        target: A file, a template for names (:class:`.FileNames`), or ``"-"``.
        records: The format of the records.
        rotation: When the next file begins; None leaves that to the template.
        answered: Takes in the records that are there, and they are kept; None replaces a file, and
            lets a series begin with a new one.

    Raises:
        InputError: It cannot be written or continued, or another process writes to it.
    """
    if str(target) == STDOUT:
        if answered is not None or rotation is not None:
            raise _only_files(target)
        return StandardOutput(records.header)
    names = FileNames(Path(target))
    if rotation is None and not names.are_several:
        return OneFile(Path(target), records, answered)
    if Path(target).exists() and not Path(target).is_file():
        raise _only_files(target)
    return RotatedFiles(names, rotation or Rotation(), records, answered)


def _take_in(file: OutputFile, records: RecordFormat, answered: Answered) -> None:
    """Read the records of a file and cut off what is behind the last whole one."""
    if not file.is_regular:
        raise _only_files(file.path)
    end = answered.read(file.path, records.read)
    if end == 0 and _starts_with(file.path, records.header):
        end = len(records.header)
    if end < file.size:
        file.cut(end)


def _starts_with(path: Path, header: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(header)) == header


def _begin(file: OutputFile, records: RecordFormat) -> None:
    if file.size == 0 and records.header:
        file.put(records.header)


def _only_files(target: str | Path) -> InputError:
    return InputError(
        "Only a file can be continued or rotated.",
        path="standard output" if str(target) == STDOUT else target,
        expected="a file such as results.jsonl",
        remedy="give a file",
    )
