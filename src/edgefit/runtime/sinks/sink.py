"""Sinks: context managers that write each frame's prediction, whole or not at all.

A new sink is one file beside this one. A sink does not depend on the task: the task's
:class:`edgefit.runtime.tasks.Columns` say what to write for a prediction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.answered import Answered
from edgefit.runtime.sinks.output import STDOUT, RecordFormat, open_output
from edgefit.runtime.sinks.rotation import Rotation
from edgefit.runtime.tasks import Columns

__all__ = ["STDOUT", "Sink", "TextSink"]


class Sink(ABC):
    """A context manager that takes frames one after the other, in order."""

    @abstractmethod
    def write(self, answer: Answer) -> None:
        """Take one answer."""

    @abstractmethod
    def close(self) -> None:
        """Release what the sink holds."""

    def reopen(self) -> None:  # noqa: B027 - most sinks hold no file that others rename
        """Before the next answer, open files anew that were renamed; safe in a signal handler."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TextSink(Sink):
    """A sink that writes text, one record per answer.

    A record is handed to the operating system whole and at once; a file is on the disk (fsync) when
    it is closed. A file on a disk is locked: nobody else writes to it with a sink meanwhile.

    Args:
        target: A file, ``"-"`` for standard output, or a template for a series of files, see
            :class:`.FileNames`.
        columns: What to write for a prediction; a predictor's
            :meth:`edgefit.runtime.predictor.Predictor.columns`.
        rotation: When the next file of a series begins; no file of a series is overwritten.
        answered: Takes in the records that are there already, and they stay; a record that is cut
            off at the end is removed. Without it, an existing file is replaced.

    Raises:
        InputError: The file cannot be written or continued, or another process writes to it; from
            writing: the disk is full, or the file was removed.
    """

    def __init__(
        self,
        target: str | Path,
        columns: Columns,
        *,
        rotation: Rotation | None = None,
        answered: Answered | None = None,
    ) -> None:
        self._columns, self._answered = columns, answered
        self._output = open_output(target, self._format(), rotation=rotation, answered=answered)

    def write(self, answer: Answer) -> None:
        """Write one record."""
        if self._answered is None or not self._answered.holds(answer):
            self._output.put(self._record(answer).encode())

    def reopen(self) -> None:
        """Before the next record, open the file that has the name then."""
        self._output.reopen()

    def close(self) -> None:
        """Close the file; standard output stays open."""
        self._output.close()

    @abstractmethod
    def _format(self) -> RecordFormat:
        """The format of the records."""

    @abstractmethod
    def _record(self, answer: Answer) -> str:
        """The record of an answer, with its end."""
