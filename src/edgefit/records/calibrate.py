"""``operating.json``: the operating point that ``calibrate`` chose on validation images."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import JsonValue

from edgefit.records.evaluate import Reliability, Share
from edgefit.records.record import Part, Record


class TemperatureChoice(Part):
    """The temperature that was fitted on validation images, and whether it is applied.

    The errors are expected calibration errors on validation images, 0 to 1.

    Attributes:
        fitted: The temperature of least negative log likelihood.
        applied: Whether the logits are divided by it; otherwise they stay as they are.
        reason: Why it is not applied, in a sentence; None where it is.
        error_unscaled: Error without a temperature.
        error_fitted: Error with the fitted one, on the images that it was fitted on.
        error_left_out: Error on images left out of a fit, by cross-fitting; None where all images
            are of one group.
    """

    fitted: float
    applied: bool = True
    reason: str | None = None
    error_unscaled: float
    error_fitted: float
    error_left_out: float | None = None


class BeforeAfter(Part):
    """Reliability on the validation images that the temperature was fitted on.

    The figures are in-sample; those of ``evaluate`` are not.

    Attributes:
        before: Without the temperature.
        after: With the one that is applied; the same as before where none is.
    """

    before: Reliability
    after: Reliability


class ThresholdChoice(Part):
    """The threshold between good parts and defects, and why it was chosen.

    Attributes:
        good: Class of good parts.
        defect: The other class.
        value: Smallest probability of ``defect`` at which a part counts as one, 0 to 1.
        chosen_for: The recipe key that limits a rate; ``arg-max`` where no key does.
        limit: The largest rate allowed; None where no rate is limited.
        upper_bound: Upper confidence bound of the limited rate; None as above.
        bound_confidence: One-sided confidence of the bound; left out where no rate is limited.
        bound_groups: Independent groups behind the bound; left out as above.
        escape_rate: Share of validation defects that are let through.
        overkill_rate: Share of validation good parts that are rejected.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"bound_confidence", "bound_groups"})

    good: str
    defect: str
    value: float
    chosen_for: Literal["arg-max", "max_escape", "max_overkill"]
    limit: float | None
    upper_bound: float | None
    bound_confidence: float | None = None
    bound_groups: int | None = None
    escape_rate: Share
    overkill_rate: Share


class ConformalChoice(Part):
    """The reject option.

    Attributes:
        coverage: Share of images whose prediction set should hold the true class.
        quantile: A class is in the set where 1 minus its probability is at most this.
    """

    coverage: float
    quantile: float


class NoveltyChoice(Part):
    """The novelty rule.

    Attributes:
        threshold: Largest score that counts as known.
        quantile: Share of validation images with a score up to the threshold.
        median: Median score of the validation images.
        features: Length of a feature vector.
    """

    threshold: float
    quantile: float
    median: float
    features: int


class CalibrateRecord(Record):
    """``operating.json``; parts that the recipe or the task does not use are None.

    Attributes:
        images: Validation images.
        groups: Independent groups they come from.
        temperature: Divisor of the logits; 1 where scaling is off or not applied.
        scaling: The temperature that was fitted; left out where scaling is off, and by earlier
            releases, which applied every temperature.
        calibration: Reliability without and with the temperature.
        threshold: The threshold between good parts and defects.
        conformal: The reject option.
        novelty: The novelty rule.
        other: The choice of a task that uses none of the above, in keys of its own; the task's
            file in ``operating/tasks/`` writes and reads it.
        notes: What a reader of the figures must know, in sentences.
        warnings: What does not suit this network or these images; earlier releases wrote none.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"other", "scaling"})
    STAGE: ClassVar[str] = "calibrate"
    FILE: ClassVar[str] = "operating.json"

    images: int
    groups: int
    temperature: float | None = None
    scaling: TemperatureChoice | None = None
    calibration: BeforeAfter | None = None
    threshold: ThresholdChoice | None = None
    conformal: ConformalChoice | None = None
    novelty: NoveltyChoice | None = None
    other: dict[str, JsonValue] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
