"""Records of studies that compare trainings: the comparison of remedies, and shared parts."""

from __future__ import annotations

from typing import ClassVar

from edgefit.records.evaluate import ClassFigures
from edgefit.records.figures import Figure
from edgefit.records.record import Part, Record
from edgefit.records.retention import ProbeRetention


class Gain(Part):
    """How much a metric gains from one run to another on the same images, with a paired interval.

    Attributes:
        gain: On the metric's scale of 0 to 1; None, like the bounds, where it cannot be measured.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    gain: float | None
    low: float | None
    high: float | None


class BothProbes(Part):
    """Retention by each probe."""

    neighbours: ProbeRetention
    linear: ProbeRetention


class KeptShares(Part):
    """The share of general knowledge kept, by each probe."""

    neighbours: Figure
    linear: Figure


class ComparedArm(Part):
    """One setting of the comparison and the results of its run.

    Attributes:
        name: As the user gave it, e.g. ``distill=2+interpolate``.
        settings: Recipe keys that differ from the recipe with all remedies off.
        metrics: On the test images, by name.
        worst_class: The class of lowest recall.
        retention: Both probes before and after.
        kept: The share kept, by each probe.
        training_seconds: Duration of the training.
        over_none: Gain over the arm ``none``; None where that arm is missing or is this one.
        over_probe: Gain over the arm ``probe``; None likewise.
    """

    name: str
    settings: dict[str, float | int | str]
    metrics: dict[str, Figure]
    worst_class: ClassFigures
    retention: BothProbes
    kept: KeptShares
    training_seconds: float | None
    over_none: Gain | None
    over_probe: Gain | None


class ComparisonRecord(Record):
    """Remedies against forgetting, side by side.

    Attributes:
        metric: The recipe's metric; every gain refers to it.
        data_fingerprint: Of the run's frozen table.
        test_images: Images that accuracy is measured on.
        test_groups: Groups they belong to.
        confidence: Confidence of the intervals.
        general_images: Images that retention is measured on.
        general_classes: Number of their classes.
        k: Number of neighbours that vote.
        arms: In the order the user gave them.
        notes: What a reader must know.
        drawings: Names of the files beside this one.
    """

    STAGE: ClassVar[str] = "retention"
    OPTIONS: ClassVar[tuple[str, ...]] = ("--compare", "all")
    FILE: ClassVar[str] = "comparison.json"

    metric: str
    data_fingerprint: str
    test_images: int
    test_groups: int
    confidence: float
    general_images: int
    general_classes: int
    k: int
    arms: tuple[ComparedArm, ...]
    notes: tuple[str, ...]
    drawings: tuple[str, ...] = ()
