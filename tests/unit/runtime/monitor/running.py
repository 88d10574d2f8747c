"""A stream made by hand, for the tests of what watches it."""

from __future__ import annotations

import threading

from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.feeds import Feed
from edgefit.runtime.sources import FrameSource, SourceFrame
from edgefit.spec import Prediction
from tests.unit.runtime.sources.given import Given, Ticking

ORIGIN = Origin("5f" * 32, "onnxruntime/fp32")


class Clock:
    """Time that goes on when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Stood:
    """A stream whose feeds do not run."""

    def __init__(self, *sources: FrameSource) -> None:
        wake = threading.Condition()
        self.feeds = [Feed(source, None, 4, wake) for source in sources]
        self.under_way = 0


class Waits(Given):
    """Files that may come at any time, like those of a followed folder."""

    @property
    def len_hint(self) -> None:  # type: ignore[override]
        return None


def camera(name: str = "camera:0") -> Ticking:
    source = Ticking(1, 0)
    source.name = name
    return source


def answer(
    decision: str | None, *, source: str = "", name: str = "a.png", took: float = 0.01
) -> Answer:
    error = "It is damaged." if decision is None else None
    prediction = None if decision is None else Prediction(decision=decision)
    frame = SourceFrame(0, name, None, None, error, None, source=source)
    return Answer(frame, prediction, ORIGIN, age_s=2 * took, took_s=took)
