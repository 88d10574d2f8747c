"""A header and one row per frame."""

from __future__ import annotations

from dataclasses import astuple
from functools import partial

from edgefit.names import printable
from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.jsonl import utc
from edgefit.runtime.sinks.output import RecordFormat
from edgefit.runtime.sinks.sink import TextSink
from edgefit.runtime.sinks.written import csv_line, csv_rows
from edgefit.runtime.tasks import Cell

_AFTER = (
    *("error", "notes", "source", "region", "x", "y", "width", "height"),
    *("arrived_at", "arrived_monotonic_s", "age_s", "dropped", "bundle", "variant"),
)


class CsvSink(TextSink):
    """A header and one row per answer (RFC 4180 quoting, UTF-8).

    Columns: ``index``, ``name``, ``time_s``, the task's columns, ``error``, ``notes``, ``source``,
    the region and its place, the times of a live source, ``bundle`` and ``variant``; see
    :class:`.JsonlSink`. Booleans are ``true`` and ``false``; values that a frame lacks are empty;
    several notes are joined by ``; ``.
    """

    def _format(self) -> RecordFormat:
        header = ["index", "name", "time_s", *self._columns.names, *_AFTER]
        return RecordFormat(csv_line(header).encode(), partial(csv_rows, header=header))

    def _record(self, answer: Answer) -> str:
        frame = answer.frame
        # a source of a user's own may give an int or a number of numpy
        time_s = None if frame.time_s is None else float(frame.time_s)
        before = (str(frame.index), printable(frame.name), time_s)
        said = (frame.error, "; ".join(frame.notes) or None, printable(frame.source) or None)
        cells = self._columns.cells(answer.prediction)
        row = [*before, *cells, *said, *_place(answer), *_times(answer), *_origin(answer)]
        return csv_line([_text(cell) for cell in row])


def _text(value: Cell) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else value


def _place(answer: Answer) -> tuple[Cell, ...]:
    if answer.region is None:
        return (None,) * 5
    name, *pixels = astuple(answer.region)
    return (name, *map(str, pixels))


def _times(answer: Answer) -> tuple[Cell, ...]:
    frame = answer.frame
    if frame.arrived_at is None:
        return (None,) * 4
    arrived = (utc(frame.arrived_at), frame.arrived_monotonic_s)
    return (*arrived, answer.age_s, str(frame.dropped))


def _origin(answer: Answer) -> tuple[Cell, ...]:
    return (None, None) if answer.origin is None else astuple(answer.origin)
