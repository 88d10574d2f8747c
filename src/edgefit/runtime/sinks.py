"""Where answers go: JSONL or CSV, to a file or standard output. One line a frame, in order.

Each line is handed to the operating system whole and at once, so a run that is killed leaves
whole lines only.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from edgefit.errors import InputError
from edgefit.runtime.sources import SourceFrame
from edgefit.spec import LabelMap, OperatingPoint, Prediction

STDOUT = "-"


class Sink(ABC):
    """A context manager that writes one line a frame. An existing file is replaced.

    Args:
        target: A file, or ``"-"`` for standard output.
        labels: Class names in output order.
        top: How many of the most probable classes a line holds.
        point: The bundle's operating point. A line holds ``decision`` where it may differ from
            ``label``, ``unsure`` where there is a reject rule, and ``novelty`` and ``novel`` where
            there is a novelty rule.

    Raises:
        InputError: The file cannot be opened for writing, or ``top`` is below 1.
    """

    def __init__(
        self,
        target: str | Path,
        labels: LabelMap,
        *,
        top: int = 5,
        point: OperatingPoint | None = None,
    ) -> None:
        if top < 1:
            raise InputError("top is out of range.", key="top", expected="1 or more", found=top)
        self._labels = labels
        self._point = point or OperatingPoint()
        self._top = min(top, len(labels))
        self._to_stdout = str(target) == STDOUT
        self._file: BinaryIO = sys.stdout.buffer if self._to_stdout else _open(Path(target))

    @abstractmethod
    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
        """Write one frame's line; ``prediction`` is None where the frame has an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._to_stdout:
            self._file.close()

    def _put(self, line: str) -> None:
        self._file.write(line.encode())
        self._file.flush()

    def _decided(self, prediction: Prediction | None) -> dict[str, Any]:
        """What the operating point adds to a line; None where the frame has an error."""
        facts: dict[str, Any] = {}
        if self._point.decides:
            facts["decision"] = prediction and prediction.decision
        if self._point.conformal is not None:
            facts["unsure"] = prediction and prediction.unsure
        if self._point.novelty is not None:
            score = prediction.novelty if prediction else None
            facts["novelty"] = None if score is None else round(score, 6)
            facts["novel"] = prediction and prediction.is_novel
        return facts

    def _ranked(self, prediction: Prediction | None) -> list[tuple[str, float]]:
        return [] if prediction is None else prediction.top(self._top, self._labels)


class JsonlSink(Sink):
    """One JSON object a line.

    Keys: ``index``, ``name``, ``time_s``, ``label``, ``confidence``, ``top`` (a list of
    ``[label, probability]``, best first), ``error``; before ``error`` what the operating point
    adds, see :class:`Sink`. What a frame lacks is null, ``top`` empty.
    """

    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
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

    def write(self, frame: SourceFrame, prediction: Prediction | None) -> None:
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
