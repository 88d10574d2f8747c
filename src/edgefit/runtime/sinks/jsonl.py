"""One JSON object a line."""

from __future__ import annotations

import json
from typing import Any

from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.spec import ClassPrediction


class JsonlSink(Sink):
    """One JSON object a line.

    Keys: ``index``, ``name``, ``time_s``, ``label``, ``confidence``, ``top`` (a list of
    ``[label, probability]``, best first), ``error``; before ``error`` what the operating point
    adds, see :class:`Sink`. What a frame lacks is null, ``top`` empty.
    """

    def write(self, frame: SourceFrame, prediction: ClassPrediction | None) -> None:
        """Write one frame's line; ``prediction`` is None where the frame has an error."""
        facts: dict[str, Any] = {
            "index": frame.index,
            "name": frame.name,
            "time_s": None if frame.time_s is None else round(frame.time_s, 6),
            "label": prediction.label if prediction else None,
            "confidence": round(prediction.confidence, 6) if prediction else None,
            "top": [[label, round(p, 6)] for label, p in self._ranked(prediction)],
            **self._decided(prediction),
            "error": frame.error,
        }
        self._put(json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n")
