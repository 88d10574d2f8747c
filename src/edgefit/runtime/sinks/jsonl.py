"""One JSON object per line."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

from pydantic import JsonValue

from edgefit.names import printable
from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.output import RecordFormat
from edgefit.runtime.sinks.sink import TextSink
from edgefit.runtime.sinks.written import json_lines
from edgefit.runtime.tasks import Columns


class JsonlSink(TextSink):
    """One JSON object per line.

    Keys: ``index``, ``name``, ``time_s``, the task's keys, ``error``; values that a frame lacks
    are null. Only where they apply: ``notes``, a list; ``source``, where there are several;
    ``region`` with ``name``, ``x``, ``y``, ``width``, ``height``; ``arrived_at`` (UTC),
    ``arrived_monotonic_s``, ``age_s`` and ``dropped`` for live sources; ``bundle`` and ``variant``.
    """

    def _format(self) -> RecordFormat:
        return RecordFormat(b"", json_lines)

    def _record(self, answer: Answer) -> str:
        facts = answer_facts(answer, self._columns)
        return json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n"


def answer_facts(answer: Answer, columns: Columns) -> dict[str, JsonValue]:
    """The record of one answer, see :class:`JsonlSink`."""
    frame = answer.frame
    facts: dict[str, JsonValue] = {
        "index": frame.index,
        "name": printable(frame.name),
        "time_s": None if frame.time_s is None else round(float(frame.time_s), 6),
        **columns.facts(answer.prediction),
        "error": frame.error,
    }
    if frame.notes:
        facts["notes"] = list(frame.notes)
    if frame.source:
        facts["source"] = printable(frame.source)
    if answer.region is not None:
        facts["region"] = asdict(answer.region)
    if frame.arrived_at is not None:
        facts |= {
            "arrived_at": utc(frame.arrived_at),
            "arrived_monotonic_s": round(frame.arrived_monotonic_s, 6),
            "age_s": round(answer.age_s, 6),
            "dropped": frame.dropped,
        }
    if answer.origin is not None:
        facts |= asdict(answer.origin)
    return facts


def utc(seconds: float) -> str:
    """A time since 1970 as ISO 8601 in UTC, with microseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
