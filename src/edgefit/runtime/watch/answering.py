"""From a file of the inbox to its lines."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from edgefit.errors import FrameError, InputError
from edgefit.names import printable
from edgefit.runtime.sinks.jsonl import frame_facts
from edgefit.runtime.sources import FrameSource, ImageSource, SourceFrame, VideoSource
from edgefit.runtime.tasks import Columns
from edgefit.runtime.watch.inbox import frame_name, is_video
from edgefit.spec import Frame, InputSpec, Prediction


@dataclass(frozen=True)
class Stamp:
    """What a plant must know about each answer.

    Attributes:
        bundle: Hash of the bundle's manifest.
        variant: Engine and precision.
    """

    bundle: str
    variant: str


@dataclass(frozen=True)
class Line:
    """One line of the results.

    Attributes:
        text: JSON with its newline, UTF-8.
        error: Why the frame has no answer; None where it has one.
    """

    text: bytes
    error: str | None


class Answerer:
    """Answers files, whatever happens to a single one.

    Args:
        root: The inbox.
        predictor: Returns a prediction for a frame, like an open bundle.
        spec: The bundle's input contract.
        columns: What to write for a prediction.
        stamp: What to add to each line.
    """

    def __init__(
        self,
        root: Path,
        predictor: Callable[[Frame], Prediction],
        spec: InputSpec | None,
        columns: Columns,
        stamp: Stamp,
    ) -> None:
        self._root, self._predictor, self._spec = root, predictor, spec
        self._columns, self._stamp = columns, stamp

    def lines(self, path: str, *, skip: int = 0) -> Iterator[Line]:
        """The lines of a file, at least one: one for an image, one per frame of a video.

        A line holds the keys that ``predict`` writes and ``answered_at`` (UTC), ``bundle`` and
        ``variant``. ``index`` counts the frames of the file.

        Args:
            path: Relative to the inbox.
            skip: How many lines exist already.
        """
        for shot in islice(self._shots(path), skip, None):
            yield self._line(shot)

    def failure(self, path: str, error: str, *, index: int = 0) -> Line:
        """The line of a file that is not opened at all."""
        return self._written(_missing(index, frame_name(path, index), error), None)

    def _shots(self, path: str) -> Iterator[SourceFrame]:
        index = 0
        try:
            for shot in _opened(self._root, path, self._spec):
                yield replace(shot, name=frame_name(path, shot.index))
                index = shot.index + 1
        except (FrameError, InputError) as error:
            yield _missing(index, frame_name(path, index), error.message)
            return
        except _engine_errors() as error:
            yield _missing(index, frame_name(path, index), _told(error))
            return
        if index == 0:
            yield _missing(0, frame_name(path, 0), "The video holds no frame.")

    def _line(self, shot: SourceFrame) -> Line:
        if shot.frame is None:
            return self._written(shot, None)
        try:
            return self._written(shot, self._predictor(shot.frame))
        except FrameError as error:
            message = error.message
        except _engine_errors() as error:
            message = _told(error)
        return self._written(replace(shot, frame=None, error=message), None)

    def _written(self, shot: SourceFrame, prediction: Prediction | None) -> Line:
        error = None if shot.error is None else printable(shot.error)
        facts = {
            **frame_facts(replace(shot, error=error), prediction, self._columns),
            "answered_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "bundle": self._stamp.bundle,
            "variant": self._stamp.variant,
        }
        text = json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n"
        return Line(text.encode(), error)


def _opened(root: Path, path: str, spec: InputSpec | None) -> FrameSource:
    return VideoSource(root / path) if is_video(path) else ImageSource([root / path], root, spec)


def _missing(index: int, name: str, error: str) -> SourceFrame:
    return SourceFrame(index, name, None, None, error, None)


def _told(error: BaseException) -> str:
    first = str(error).strip().partition("\n")[0][:500]
    return f"The frame cannot be computed ({type(error).__name__}): {printable(first)}"


@functools.cache
def _engine_errors() -> tuple[type[BaseException], ...]:
    """What decoders and engines raise for one frame; the next frame may well work."""
    import cv2
    from onnxruntime.capi import onnxruntime_pybind11_state as ort

    named = ("Fail", "RuntimeException", "InvalidArgument", "EPFail")
    found = [getattr(ort, name) for name in named if hasattr(ort, name)]
    return (RuntimeError, ValueError, MemoryError, cv2.error, *found)
