"""What a sink is: a context manager that writes one record a frame."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from edgefit.errors import InputError
from edgefit.runtime.sources.source import SourceFrame
from edgefit.spec import ClassPrediction, LabelMap, OperatingPoint

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
    def write(self, frame: SourceFrame, prediction: ClassPrediction | None) -> None:
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

    def _decided(self, prediction: ClassPrediction | None) -> dict[str, Any]:
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

    def _ranked(self, prediction: ClassPrediction | None) -> list[tuple[str, float]]:
        return [] if prediction is None else prediction.top(self._top, self._labels)


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
