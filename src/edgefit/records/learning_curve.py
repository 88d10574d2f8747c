"""What the study ``learning-curve`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import JsonValue, SerializerFunctionWrapHandler, model_serializer, model_validator

from edgefit.records.comparison import Gain
from edgefit.records.evaluate import ClassFigures
from edgefit.records.figures import Figure
from edgefit.records.record import Part, Record


class CurvePoint(Part):
    """One training of a learning curve.

    Attributes:
        arm: ``finetune``, or ``scratch`` for a start from random weights.
        percent: Share of the training images, in percent.
        images: Training images.
        groups: Groups they belong to.
        epochs: Epochs requested; 0 where only a probe is fitted.
        training_seconds: Duration of the training.
        metrics: On the test images, by name.
        worst_class: The class of lowest recall.
    """

    arm: str
    percent: float
    images: int
    groups: int
    epochs: int
    training_seconds: float | None
    metrics: dict[str, Figure]
    worst_class: ClassFigures


class CurveStep(Gain):
    """The gain between the last two points; JSON names their shares ``from`` and ``to``.

    Attributes:
        start: Percent of the training images at the point before the last.
        end: Percent at the last point.
    """

    start: float
    end: float

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, facts: object) -> object:
        if not isinstance(facts, Mapping) or "from" not in facts:
            return facts
        new = {"from": "start", "to": "end"}
        return {new.get(name, name): value for name, value in facts.items()}

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        gain = {"gain": self.gain, "low": self.low, "high": self.high}
        return {"from": self.start, "to": self.end, **gain}


class Advantage(Part):
    """The gain of fine-tuning over training from random weights at one share of the images."""

    percent: float
    gain: float | None
    low: float | None
    high: float | None


class LearningCurveRecord(Record):
    """Accuracy on the test images by the number of training images.

    Attributes:
        metric: The recipe's metric; every gain refers to it.
        data_fingerprint: Of the run's frozen table.
        test_images: Images that all points are measured on.
        test_groups: Groups they belong to.
        confidence: Confidence of the intervals.
        rule: How long each point is trained, in words.
        epochs_scale: Exponent of the epochs rule.
        seed: Seed that draws the images of the smaller sets.
        points: In the order they were trained.
        step: The gain between the last two points of fine-tuning; None with a single point.
        advantage: Fine-tuning over training from random weights; empty without that arm.
        conclusion: Whether more images would help, in one sentence.
        drawings: Names of the files beside this one.
    """

    STAGE: ClassVar[str] = "learning-curve"
    FILE: ClassVar[str] = "learning-curve.json"

    metric: str
    data_fingerprint: str
    test_images: int
    test_groups: int
    confidence: float
    rule: str
    epochs_scale: float
    seed: int
    points: tuple[CurvePoint, ...]
    step: CurveStep | None
    advantage: tuple[Advantage, ...]
    conclusion: str
    drawings: tuple[str, ...] = ()
