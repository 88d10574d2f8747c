"""A header and one row per frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from edgefit.names import printable
from edgefit.runtime.sinks.sink import TextSink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.tasks import Cell, Columns
from edgefit.spec import Prediction


class CsvSink(TextSink):
    """A header and one row per frame (RFC 4180 quoting, UTF-8).

    Columns: ``index``, ``name``, ``time_s``, the task's columns, ``error``, ``notes``. Booleans are
    ``true`` and ``false``; values that a frame lacks are empty; several notes are joined by ``; ``.
    """

    def __init__(self, target: str | Path, columns: Columns) -> None:
        super().__init__(target, columns)
        self._row(["index", "name", "time_s", *columns.names, "error", "notes"])

    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
        """Write one frame's row; ``prediction`` is None where the frame has an error."""
        answer = self._columns.cells(prediction)
        # a source of a user's own may give an int or a number of numpy
        time_s = None if frame.time_s is None else float(frame.time_s)
        notes = "; ".join(frame.notes) or None
        self._row([str(frame.index), printable(frame.name), time_s, *answer, frame.error, notes])

    def _row(self, cells: Sequence[Cell]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow([_text(cell) for cell in cells])
        self._put(text.getvalue())


def _text(value: Cell) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else value
