"""What the stage ``train`` writes: its summary, facts about the probe, the rows of the history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import (
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from edgefit.records.record import Part, Record

_VALIDATION, _ON_TRAINING = "val_", "train_"


class EpochRow(Part):
    """What was measured at the end of an epoch, or of a phase without epochs.

    JSON and CSV hold its measurements flat: ``val_NAME`` for validation, ``train_NAME`` for the
    training images, and each penalty under its own name.

    Attributes:
        epoch: From 1; 0 for a phase without epochs.
        phase: ``full``, ``probe``, or the name of the task's only phase.
        height: Of the images in this epoch, pixels. A phase without epochs has None here and in
            all fields that are measured over an epoch.
        width: Of the images in this epoch, pixels.
        train_loss: The task's own loss, mean over the epoch.
        validation: Metrics and ``loss`` on the validation images.
        on_training: The recipe's metric on some training images, measured like validation.
        gap: The metric on training images minus the metric on validation.
        learning_rate: Of the last step.
        penalties: Mean of each further term of the loss, by name.
        images_per_second: Of the epoch's steps.
        seconds: Of the epoch's steps.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"height", "width", "train_loss", "gap", "learning_rate", "images_per_second", "seconds"}
    )

    epoch: int
    phase: str
    height: int | None = None
    width: int | None = None
    train_loss: float | None = None
    validation: dict[str, float]
    on_training: dict[str, float | None] = Field(default_factory=dict)
    gap: float | None = None
    learning_rate: float | None = None
    penalties: dict[str, float] = Field(default_factory=dict)
    images_per_second: float | None = None
    seconds: float | None = None

    @property
    def size_in_words(self) -> str:
        """The image size of the epoch, e.g. ``64x64`` (width, height)."""
        return f"{self.width}x{self.height}"

    def is_same_size(self, other: EpochRow) -> bool:
        """Whether both epochs used one image size; two rows without a size count as the same."""
        return (self.height, self.width) == (other.height, other.width)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, facts: object) -> object:
        if not isinstance(facts, Mapping):
            return facts
        row: dict[str, object] = {}
        flat: dict[str, dict[str, object]] = {"validation": {}, "on_training": {}, "penalties": {}}
        for key, value in facts.items():
            if key in cls.model_fields:
                row[key] = value
            elif key.startswith(_VALIDATION):
                flat["validation"][key.removeprefix(_VALIDATION)] = value
            elif key.startswith(_ON_TRAINING):
                flat["on_training"][key.removeprefix(_ON_TRAINING)] = value
            else:  # anything else in a row is the term of a penalty
                flat["penalties"][key] = value
        return {name: found for name, found in flat.items() if found} | row

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        prefixes = {"validation": _VALIDATION, "on_training": _ON_TRAINING, "penalties": ""}
        facts: dict[str, JsonValue] = {}
        for name, value in handler(self).items():
            if name in prefixes:
                facts |= {f"{prefixes[name]}{inner}": found for inner, found in value.items()}
            elif value is not None or name not in self.OMITTED:
                facts[name] = value
        return facts


class EngineComparison(Part):
    """The measurement that chose the engine for the features; all None where it was not needed.

    Attributes:
        torch_ms_per_image: Time that torch takes.
        openvino_refused: Why OpenVINO cannot compute these features.
        openvino_ms_per_image: Time that OpenVINO takes.
        openvino_conversion_s: Seconds that the conversion takes.
        relative_difference: Largest difference, as a share of the features' root mean square; None
            where OpenVINO's are not finite.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            "torch_ms_per_image",
            "openvino_refused",
            "openvino_ms_per_image",
            "openvino_conversion_s",
            "relative_difference",
        }
    )

    torch_ms_per_image: float | None = None
    openvino_refused: str | None = None
    openvino_ms_per_image: float | None = None
    openvino_conversion_s: float | None = None
    relative_difference: float | None = None


class FeatureFacts(Part):
    """How the features of a frozen backbone were obtained.

    Attributes:
        engine: The engine that computed missing features; None when all were in the cache.
        computed: Features computed, one for each view of an image.
        reused: Features that were in the cache or equal to another one.
        images_per_second: While computing, augmentation included; None when all were in the cache.
        measured: The measurement that chose the engine.
    """

    engine: str | None
    computed: int
    reused: int
    images_per_second: float | None
    measured: EngineComparison


class ProbeSetting(Part):
    """One setting of the probe in cross-validation.

    Attributes:
        kind: ``logistic`` or ``nearest-mean``.
        strength: Inverse regularisation strength; None for the nearest mean.
        score: The metric on held-out rows; None without cross-validation.
        nll: Their negative log likelihood after temperature, in nats; None likewise.
        temperature: Divisor of the logits.
    """

    kind: str
    strength: float | None
    score: float | None
    nll: float | None
    temperature: float


class ProbeRecord(Record):
    """The probe of phase one, without its layer; the first five fields are the chosen setting.

    Attributes:
        metric: Name of the metric behind ``score``.
        folds: Folds of the cross-validation; 0 without it.
        cross_validation: Every setting tried, in order; empty where it was not possible.
        seconds: Time to fit, features not included.
        notes: Where the probe deviates from the recipe, in words.
        features: How the features were obtained.
        validation: Metrics and loss of the network with this probe as its head.
    """

    STAGE: ClassVar[str] = "train"
    FILE: ClassVar[str] = "probe.json"

    kind: str
    strength: float | None
    score: float | None
    nll: float | None
    temperature: float
    metric: str
    folds: int
    cross_validation: tuple[ProbeSetting, ...]
    seconds: float
    notes: tuple[str, ...]
    features: FeatureFacts
    validation: dict[str, float]


class WeightsReport(Part):
    """What was loaded into a backbone.

    Attributes:
        source: ``imagenet``, ``none``, or the file's name.
        sha256: Hash of the file; None for ``none``.
        missing: Backbone tensors that the file lacks (always empty: a missing one is an error).
        unexpected: Tensors in the file that the backbone does not have, head excluded.
        unused_head: Tensors of the head, which is replaced.
        unwrapped: Where the file holds the network, e.g. ``state_dict with the prefix model.``;
            None where it lies open.
        left_aside: The other places in the file that hold this network, such as an average.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"unwrapped", "left_aside"})

    source: str
    sha256: str | None = None
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    unused_head: tuple[str, ...] = ()
    unwrapped: str | None = None
    left_aside: tuple[str, ...] | None = None

    @property
    def origin(self) -> str:
        """The source in words, with what was unwrapped and what was left aside."""
        words = self.source + (f" ({self.unwrapped})" if self.unwrapped else "")
        return words + (f", not from {', '.join(self.left_aside)}" if self.left_aside else "")


class LinePoint(Part):
    """A point between the probe's weights and the fine-tuned ones.

    JSON holds the metrics flat beside ``alpha``.

    Attributes:
        alpha: 0 is the probe, 1 the fine-tuned network.
        metrics: Metrics and ``loss`` on the validation images.
    """

    alpha: float
    metrics: dict[str, float]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, facts: object) -> object:
        if not isinstance(facts, Mapping) or "metrics" in facts:
            return facts
        metrics = {name: value for name, value in facts.items() if name != "alpha"}
        return {"alpha": facts.get("alpha"), "metrics": metrics}

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        return {"alpha": self.alpha, **self.metrics}


class KeptWeights(Part):
    """Which weights are kept.

    Attributes:
        what: ``probe``, ``fine-tuned``, ``interpolated``, or the name that the task's only phase
            gives.
        points: The points measured on the line; None without interpolation, as is all below.
        alpha: The point that was chosen.
        metric: The metric that the rule looks at.
        rule: ``best`` or ``general``.
        tolerance: How far below the highest the rule may choose.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"points", "alpha", "metric", "rule", "tolerance"}
    )

    what: str
    points: tuple[LinePoint, ...] | None = None
    alpha: float | None = None
    metric: str | None = None
    rule: str | None = None
    tolerance: float | None = None


class TrainRecord(Record):
    """The summary of a training.

    Attributes:
        backbone: Id of the backbone's card.
        weights: What training started from.
        mode: The recipe's ``train.mode``.
        best: The row of the epoch that is kept; a phase without epochs has a single row.
        epochs: Epochs that were run.
        stopped_early: Whether fewer were run than the recipe allows.
        history: One row per epoch.
        device: Where the network was trained.
        precision: lightning's precision; None where no epochs were run.
        processes: Training processes; None likewise.
        decode_seconds: Time spent on decoding.
        probe: Phase one; None where it was skipped.
        kept: Which weights are kept.
        over_fitting: The warning that training and validation diverge, in words; or None.
        training_seconds: Duration of the last start, plus the steps of earlier starts.
        threads: torch's threads.
    """

    STAGE: ClassVar[str] = "train"
    FILE: ClassVar[str] = "train.json"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"precision", "processes", "probe"})

    backbone: str
    weights: WeightsReport
    mode: str
    best: EpochRow
    epochs: int
    stopped_early: bool
    history: tuple[EpochRow, ...]
    device: str
    precision: str | None = None
    processes: int | None = None
    decode_seconds: float
    probe: ProbeRecord | None = None
    kept: KeptWeights
    over_fitting: str | None
    training_seconds: float
    threads: int
