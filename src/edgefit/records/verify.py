"""``verify.json``: which exported files are as good as the trained network."""

from __future__ import annotations

from typing import ClassVar

from pydantic import JsonValue, SerializerFunctionWrapHandler, model_serializer

from edgefit.records.evaluate import ClassFigures, Decisions, GroupFigures
from edgefit.records.figures import Figure
from edgefit.records.record import Part, Record


class GateSettings(Part):
    """The section ``verify`` of the recipe.

    Attributes:
        metric: Name of the metric whose drop is limited.
        max_drop: Largest drop, in percentage points.
        batch_sizes: Batch sizes at which every file runs.
        required: ``any``, ``all``, or the variants that must pass.
    """

    metric: str
    max_drop: float
    batch_sizes: tuple[int, ...]
    required: str | tuple[str, ...]


class Agreement(Part):
    """How far one file, at one batch size, agrees with the trained network.

    The file leaves out what was not compared; a figure that was compared but is undefined is null.

    Attributes:
        finite: Whether all outputs are finite; if not, nothing else is compared.
        images: Images compared.
        max_abs_difference: Largest difference of an output value.
        mean_abs_difference: Mean difference of the output values.
        top1_flips: Images whose most probable class differs.
        flip_indices: Their positions in the test split.
        margins: For each, the network's best minus its second probability.
        metric: Name of the metric whose drop is limited.
        drop: Drop of the metric, 0 to 1; positive where the file is worse.
        drop_low: Lower end of its paired interval.
        drop_high: Upper end of its paired interval.
        drop_within_limit_with_confidence: Whether the whole interval is within the limit.
        novelty_difference: Largest difference of a novelty score, where novelty is scored.
    """

    finite: bool
    images: int | None = None
    max_abs_difference: float | None = None
    mean_abs_difference: float | None = None
    top1_flips: int | None = None
    flip_indices: tuple[int, ...] = ()
    margins: tuple[float, ...] = ()
    metric: str | None = None
    drop: float | None = None
    drop_low: float | None = None
    drop_high: float | None = None
    drop_within_limit_with_confidence: bool | None = None
    novelty_difference: float | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = handler(self)
        return {name: value for name, value in facts.items() if name in self.model_fields_set}


class VariantVerdict(Part):
    """What the gate found for one exported file.

    Attributes:
        variant: ``engine/precision``.
        passed: Whether it may enter the bundle.
        reasons: Why it may not enter the bundle.
        engine: What really executed it, as the engine describes itself.
        batches: Batch size, as text -> agreement with the trained network.
        metrics: The file's own results; empty where its outputs are not finite.
        worst_class: Its class of lowest recall; None where its outputs are not finite.
        worst_group: Its group of lowest accuracy; None where no group is large enough.
        operating: What the operating point does with its outputs; None as for ``worst_class``.
        warnings: Limits of the operating point that it exceeds on the held-out images.
    """

    variant: str
    passed: bool
    reasons: tuple[str, ...]
    engine: dict[str, str]
    batches: dict[str, Agreement]
    metrics: dict[str, Figure]
    worst_class: ClassFigures | None
    worst_group: GroupFigures | None
    operating: Decisions | None
    warnings: tuple[str, ...] = ()


class VerifyRecord(Record):
    """``verify.json``.

    Attributes:
        images: Held-out images on which every file ran.
        config: The settings of the gate.
        passed: Variants that may enter the bundle.
        failed: Variant -> why it may not enter the bundle.
        variants: One entry for each exported file.
    """

    STAGE: ClassVar[str] = "verify"
    FILE: ClassVar[str] = "verify.json"

    images: int
    config: GateSettings
    passed: tuple[str, ...]
    failed: dict[str, tuple[str, ...]]
    variants: tuple[VariantVerdict, ...]

    def verdict(self, variant: str) -> VariantVerdict | None:
        """The entry of a variant, ``engine/precision``; None where it was not exported."""
        return next((entry for entry in self.variants if entry.variant == variant), None)
