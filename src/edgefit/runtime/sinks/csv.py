"""A header and one row a frame."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.spec import ClassPrediction, LabelMap, OperatingPoint


class CsvSink(Sink):
    """A header and one row a frame (RFC 4180 quoting, UTF-8).

    Columns: ``index``, ``name``, ``time_s``, ``label``, ``confidence``, ``top1``, ``top1_p`` ...
    ``topK``, ``topK_p``, ``error``; before ``error`` what the operating point adds, see
    :class:`Sink`, truths as ``true`` and ``false``. What a frame lacks is empty.
    """

    def __init__(
        self,
        target: str | Path,
        labels: LabelMap,
        *,
        top: int = 5,
        point: OperatingPoint | None = None,
    ) -> None:
        super().__init__(target, labels, top=top, point=point)
        ranks = [c for k in range(1, self._top + 1) for c in (f"top{k}", f"top{k}_p")]
        decided = self._decided(None)
        self._row(["index", "name", "time_s", "label", "confidence", *ranks, *decided, "error"])

    def write(self, frame: SourceFrame, prediction: ClassPrediction | None) -> None:
        """Write one frame's row; ``prediction`` is None where the frame has an error."""
        time_s = "" if frame.time_s is None else f"{frame.time_s:.6f}"
        answer = [prediction.label, f"{prediction.confidence:.6f}"] if prediction else ["", ""]
        ranks = [cell for label, p in self._ranked(prediction) for cell in (label, f"{p:.6f}")]
        ranks += [""] * (2 * self._top - len(ranks))
        decided = [_cell(value) for value in self._decided(prediction).values()]
        start = [str(frame.index), frame.name, time_s, *answer]
        self._row([*start, *ranks, *decided, frame.error or ""])

    def _row(self, cells: list[str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._put(text.getvalue())


def _cell(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else f"{value:.6f}" if isinstance(value, float) else value
