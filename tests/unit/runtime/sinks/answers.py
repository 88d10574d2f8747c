"""A frame with its prediction, and one that could not be read."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import numpy as np

from edgefit.runtime.answers import Answer, Origin, Region
from edgefit.runtime.sinks.sink import Sink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.tasks import TASKS, Columns
from edgefit.spec import (
    CLASSIFICATION,
    UNSURE,
    ClassificationRule,
    ClassPrediction,
    ConformalRule,
    LabelMap,
    NoveltyRule,
)

LABELS = LabelMap(("good", 'scratch, "deep"', "Loch"))


PLAIN = ClassificationRule()


GOOD = SourceFrame(0, "a\nb, c.png", 0.1, np.zeros((2, 2, 3), np.uint8), None, None)


BAD = SourceFrame(1, "ü.png", None, None, "The image file is empty.", None)


def prediction() -> ClassPrediction:
    return ClassPrediction.from_probabilities(np.array([0.25, 0.65, 0.1], np.float32), LABELS)


def columns(rule: ClassificationRule = PLAIN, top: int = 5) -> Columns:
    return TASKS[CLASSIFICATION].columns(LABELS, rule, top=top)


def fill(sink: Sink) -> None:
    with sink:
        sink.write(Answer(GOOD, prediction()))
        sink.write(Answer(BAD, None))


POINT = ClassificationRule(None, ConformalRule(0.9, 0.2), NoveltyRule(0.5, "p.npy"))


def decided() -> ClassPrediction:
    return dataclasses.replace(prediction(), decision=UNSURE, novelty=0.75, is_novel=True)


LIVE = Answer(
    dataclasses.replace(
        GOOD,
        source="cam",
        arrived_at=datetime(2026, 1, 2, 3, 4, 5, 250_000, UTC).timestamp(),
        arrived_monotonic_s=9.5,
        dropped=3,
    ),
    prediction(),
    Origin("0123", "onnxruntime/int8"),
    Region("left", 0, 5, 6, 7),
    age_s=0.04,
)
