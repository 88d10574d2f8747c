"""The journal: what a batch has answered and moved, as far as a restart must know."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edgefit.errors import InputError
from edgefit.runtime.watch.durable import replace_saved


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mark(_Part):
    """Where a batch's lines begin in the results.

    Attributes:
        inode: Of the results file; finds it after ``logrotate`` renamed it.
        offset: Its size before the batch, bytes.
        tail_sha256: Of the bytes before the offset, at most 4096; tells the file from a new one.
    """

    inode: int
    offset: int
    tail_sha256: str


class Entry(_Part):
    """A file of a batch. Names are escaped, see :func:`edgefit.names.escaped`.

    Attributes:
        path: Relative to the inbox.
        size: Bytes.
        mtime_ns: When it was last written.
        lines: Lines it had when the batch began, from a run that was cut off.
        answered: How many of these hold an answer.
        error: The first error among them.
        cut_off: How many runs ended while they answered it.
    """

    path: str
    size: int
    mtime_ns: int
    lines: int = 0
    answered: int = 0
    error: str | None = None
    cut_off: int = 0


class Move(_Part):
    """A file whose lines are on the disk, and where it goes.

    Attributes:
        path: Relative to the inbox, escaped.
        size: Bytes.
        mtime_ns: When it was last written.
        inode: Its number on its file system; None where that may have changed, see
            :class:`edgefit.runtime.watch.inbox.Identity`.
        target: Its new path, absolute, escaped.
        reason: Why it failed; None where it was answered.
    """

    path: str
    size: int
    mtime_ns: int
    inode: int | None
    target: str
    reason: str | None


class Batch(_Part):
    """The content of the journal.

    Attributes:
        version: Of this format.
        inbox: Absolute, escaped.
        inbox_id: See :func:`edgefit.runtime.watch.identifying.inbox_id`.
        mark: Where its lines begin.
        files: The batch, in the order of its lines.
        moves: Set once all lines are on the disk.
    """

    version: Literal[1] = 1
    inbox: str
    inbox_id: str
    mark: Mark
    files: tuple[Entry, ...]
    moves: tuple[Move, ...] | None = None


class Journal:
    """The journal's file, hidden beside the results."""

    def __init__(self, results: Path) -> None:
        self._path = results.with_name(f".{results.name}.journal")

    @property
    def path(self) -> Path:
        """The file; it exists while a batch is unfinished."""
        return self._path

    def read(self) -> Batch | None:
        """The unfinished batch; None where the last one was finished.

        Raises:
            InputError: The file is not a journal of this version.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Batch.model_validate_json(content)
        except ValidationError as error:
            raise InputError(
                "The journal of the last batch cannot be read.",
                path=self._path,
                expected="a journal that this release of edgefit wrote",
                found=error.errors()[0]["msg"],
                remedy="use the release that wrote it; or remove it, after which up to one batch "
                "of files may be answered again",
            ) from error

    def write(self, batch: Batch) -> None:
        """Save a batch, whole or not at all.

        Raises:
            InputError: The disk is full, or the folder cannot be written to.
        """
        try:
            replace_saved(self._path, batch.model_dump_json().encode())
        except OSError as error:
            raise InputError(
                "The journal beside the results cannot be written.",
                path=self._path,
                found=error.strerror,
                remedy="make room or give the right to write, then start again",
            ) from error

    def remove(self) -> None:
        """The batch is finished.

        The removal needs no sync of its own: a journal that comes back names files that have left
        the inbox, so it changes nothing.
        """
        self._path.unlink(missing_ok=True)
