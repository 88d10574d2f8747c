"""A frame with its prediction, and one that could not be read."""

from __future__ import annotations

import dataclasses

import numpy as np

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
        sink.write(GOOD, prediction())
        sink.write(BAD, None)


POINT = ClassificationRule(None, ConformalRule(0.9, 0.2), NoveltyRule(0.5, "p.npy"))


def decided() -> ClassPrediction:
    return dataclasses.replace(prediction(), decision=UNSURE, novelty=0.75, is_novel=True)
