"""Sinks: context managers that write each frame's prediction, whole or not at all.

A new sink is one file beside this one. A sink does not depend on the task: the task's
:class:`edgefit.runtime.tasks.Columns` say what to write for a prediction.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from edgefit.errors import InputError
from edgefit.runtime.answers import Answer
from edgefit.runtime.tasks import Columns

STDOUT = "-"


class Sink(ABC):
    """A context manager that takes frames one after the other, in order."""

    @abstractmethod
    def write(self, answer: Answer) -> None:
        """Take one answer."""

    @abstractmethod
    def close(self) -> None:
        """Release what the sink holds."""

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
    """A sink that writes text, one record per frame. It replaces an existing file.

    Args:
        target: A file, or ``"-"`` for standard output.
        columns: What to write for a prediction; a predictor's
            :meth:`edgefit.runtime.predictor.Predictor.columns`.

    Raises:
        InputError: The file cannot be opened for writing.
    """

    def __init__(self, target: str | Path, columns: Columns) -> None:
        self._columns = columns
        self._to_stdout = str(target) == STDOUT
        self._file: BinaryIO = sys.stdout.buffer if self._to_stdout else _open(Path(target))

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if not self._to_stdout:
            self._file.close()

    def _put(self, record: str) -> None:
        self._file.write(record.encode())
        self._file.flush()


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise InputError(
            "The output file cannot be written.",
            path=path,
            found=error.strerror,
            remedy="give a file in a folder that exists and can be written to",
        ) from error
