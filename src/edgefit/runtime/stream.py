"""From a source through a predictor into sinks: the loop beside the camera.

It handles one frame after the other and drops none. A frame that cannot be read or predicted
becomes a record with an error, and the loop goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgefit.errors import FrameError
from edgefit.progress import QUIET, Reporter
from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.spec import Frame, Prediction


@dataclass(frozen=True)
class StreamCounts:
    """How many frames of a stream have a prediction, and how many an error.

    Attributes:
        answered: Frames with a prediction.
        unreadable: Frames with an error.
        noted: Frames with a note, answered or not.
    """

    answered: int
    unreadable: int
    noted: int = 0


def stream(
    predictor: Callable[[Frame], Prediction],
    source: FrameSource,
    sinks: Sequence[Sink],
    *,
    reporter: Reporter = QUIET,
) -> StreamCounts:
    """Predict every frame of a source and pass each to every sink, in order.

    Args:
        predictor: Returns a prediction for a frame, like an open bundle.
        source: Yields the frames.
        sinks: Open sinks; they stay open.
        reporter: Where progress goes.

    Returns:
        How many frames have a prediction, how many do not, and how many have notes.
    """
    answered = unreadable = noted = 0
    for item in reporter.track(source, "predicting", total=source.len_hint):
        shot, prediction = _answer(predictor, item)
        for sink in sinks:
            sink.write(shot, prediction)
        answered += prediction is not None
        unreadable += prediction is None
        noted += bool(shot.notes)
    return StreamCounts(answered, unreadable, noted)


def _answer(
    predictor: Callable[[Frame], Prediction], shot: SourceFrame
) -> tuple[SourceFrame, Prediction | None]:
    if shot.frame is None:
        return shot, None
    try:
        return shot, predictor(shot.frame)
    except FrameError as error:
        return replace(shot, frame=None, error=error.message), None
