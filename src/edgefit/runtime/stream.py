"""From a source through a predictor into sinks: the loop beside the camera.

One frame after the other, nothing is dropped. A frame that cannot be read or answered is a record
with an error, and the next one follows.
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
    """What became of the frames of a stream.

    Attributes:
        answered: Frames with a prediction.
        unreadable: Frames with an error.
    """

    answered: int
    unreadable: int


def stream(
    predictor: Callable[[Frame], Prediction],
    source: FrameSource,
    sinks: Sequence[Sink],
    *,
    reporter: Reporter = QUIET,
) -> StreamCounts:
    """Answer every frame of a source and hand each to every sink, in order.

    Args:
        predictor: Gives a prediction for a frame; an open bundle.
        source: Gives the frames.
        sinks: Where they go; open, and left open.
        reporter: Where progress goes.

    Returns:
        How many frames were answered and how many were not.
    """
    answered = unreadable = 0
    for item in reporter.track(source, "predicting", total=source.len_hint):
        shot, prediction = _answer(predictor, item)
        for sink in sinks:
            sink.write(shot, prediction)
        answered += prediction is not None
        unreadable += prediction is None
    return StreamCounts(answered, unreadable)


def _answer(
    predictor: Callable[[Frame], Prediction], shot: SourceFrame
) -> tuple[SourceFrame, Prediction | None]:
    if shot.frame is None:
        return shot, None
    try:
        return shot, predictor(shot.frame)
    except FrameError as error:
        return replace(shot, frame=None, error=error.message), None
