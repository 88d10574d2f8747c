"""From a file of the inbox to its lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from edgefit.errors import FrameError, InputError
from edgefit.names import printable
from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.faults import faults_of_a_frame, in_words
from edgefit.runtime.sinks.jsonl import answer_facts
from edgefit.runtime.sources import FrameSource, ImageSource, SourceFrame, VideoSource
from edgefit.runtime.tasks import Columns
from edgefit.runtime.watch.inbox import frame_name, is_video
from edgefit.spec import Frame, InputSpec, Prediction


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
        origin: What answers.
    """

    def __init__(
        self,
        root: Path,
        predictor: Callable[[Frame], Prediction],
        spec: InputSpec | None,
        columns: Columns,
        origin: Origin,
    ) -> None:
        self._root, self._predictor, self._spec = root, predictor, spec
        self._columns, self._origin = columns, origin

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
        except faults_of_a_frame() as error:
            yield _missing(index, frame_name(path, index), in_words(error))
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
        except faults_of_a_frame() as error:
            message = in_words(error)
        return self._written(replace(shot, frame=None, error=message), None)

    def _written(self, shot: SourceFrame, prediction: Prediction | None) -> Line:
        error = None if shot.error is None else printable(shot.error)
        facts = {
            **answer_facts(
                Answer(replace(shot, error=error), prediction, self._origin), self._columns
            ),
            "answered_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        text = json.dumps(facts, ensure_ascii=False, allow_nan=False) + "\n"
        return Line(text.encode(), error)


def _opened(root: Path, path: str, spec: InputSpec | None) -> FrameSource:
    return VideoSource(root / path) if is_video(path) else ImageSource([root / path], root, spec)


def _missing(index: int, name: str, error: str) -> SourceFrame:
    return SourceFrame(index, name, None, None, error, None)
