"""One JSON object per line."""

from __future__ import annotations

import json

from pydantic import JsonValue

from edgefit.names import printable
from edgefit.runtime.sinks.sink import TextSink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.spec import Prediction


class JsonlSink(TextSink):
    """One JSON object per line.

    Keys: ``index``, ``name``, ``time_s``, the task's keys, ``error``. Values that a frame lacks are
    null. Only a frame with notes has the key ``notes``, a list of sentences.
    """

    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
        """Write one frame's line; ``prediction`` is None where the frame has an error."""
        facts: dict[str, JsonValue] = {
            "index": frame.index,
            "name": printable(frame.name),
            "time_s": None if frame.time_s is None else round(float(frame.time_s), 6),
            **self._columns.facts(prediction),
            "error": frame.error,
        }
        if frame.notes:
            facts["notes"] = list(frame.notes)
        self._put(json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n")
