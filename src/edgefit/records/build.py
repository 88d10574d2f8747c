"""What ``build`` returns: where the bundle is, which variant to run, how good each variant is."""

from __future__ import annotations

from typing import Self

from edgefit.records.benchmark import BenchmarkRecord, Recommendation, VariantFigures
from edgefit.records.evaluate import (
    ClassFigures,
    Decisions,
    EvaluateRecord,
    GroupFigures,
    TrainedDecisions,
)
from edgefit.records.figures import Figure
from edgefit.records.record import Part
from edgefit.records.verify import VariantVerdict, VerifyRecord


class BuiltVariant(Part):
    """One exported file: what the gate found, and how fast it is on this machine.

    Attributes:
        variant: ``engine/precision``.
        passed: Whether it is in the bundle.
        reasons: Why it is not in the bundle.
        metrics: Its own results on the held-out images; empty where its outputs are not finite.
        worst_class: Its class of lowest recall; None where its outputs are not finite.
        worst_group: Its group of lowest accuracy; None where no group is large enough.
        operating: What the operating point does with its outputs; None as for ``worst_class``.
        warnings: Limits of the operating point that it exceeds.
        benchmark: Latency, throughput and memory; None where it was not measured.
    """

    variant: str
    passed: bool
    reasons: tuple[str, ...]
    metrics: dict[str, Figure]
    worst_class: ClassFigures | None
    worst_group: GroupFigures | None
    operating: Decisions | None
    warnings: tuple[str, ...]
    benchmark: VariantFigures | None

    @classmethod
    def of(cls, verdict: VariantVerdict, figures: VariantFigures | None) -> Self:
        """Combine the results of two stages."""
        return cls(
            variant=verdict.variant,
            passed=verdict.passed,
            reasons=verdict.reasons,
            metrics=verdict.metrics,
            worst_class=verdict.worst_class,
            worst_group=verdict.worst_group,
            operating=verdict.operating,
            warnings=verdict.warnings,
            benchmark=figures,
        )


class BuildResult(Part):
    """The result of a build.

    >>> import edgefit
    >>> result = edgefit.build("recipe.yaml", data="images", out="run")
    >>> passed = [v.variant for v in result.variants if v.passed]
    >>> result.variants[0].benchmark.latency_ms.p50 > 0
    True
    >>> sorted(result.to_json())[:3]
    ['bundle', 'images', 'operating']

    Attributes:
        run: The run folder.
        bundle: The bundle's folder, inside it.
        recommended: The variant to run on this machine, and why.
        images: Held-out images.
        trained: Metric -> figure of the trained network on them.
        worst_class: Its class of lowest recall; None where a task has no classes.
        worst_group: Its group of lowest accuracy; None where no group is large enough.
        operating: What the operating point does with its outputs.
        variants: Every exported file.
        training_seconds: Duration of the training, over all its starts.
        seconds: Stage -> its duration in this build; near 0 where it was already done.
    """

    run: str
    bundle: str
    recommended: Recommendation
    images: int
    trained: dict[str, Figure]
    worst_class: ClassFigures | None
    worst_group: GroupFigures | None
    operating: TrainedDecisions
    variants: tuple[BuiltVariant, ...]
    training_seconds: float
    seconds: dict[str, float]

    @classmethod
    def of(
        cls,
        run: str,
        bundle: str,
        evaluated: EvaluateRecord,
        verified: VerifyRecord,
        measured: BenchmarkRecord,
        *,
        training_seconds: float,
        seconds: dict[str, float],
    ) -> Self:
        """Combine the results of the stages."""
        figures = {entry.variant: entry.figures() for entry in measured.measured}
        variants = [BuiltVariant.of(v, figures.get(v.variant)) for v in verified.variants]
        return cls(
            run=run,
            bundle=bundle,
            recommended=measured.recommendation,
            images=evaluated.images,
            trained=evaluated.metrics,
            worst_class=evaluated.worst_class,
            worst_group=evaluated.worst_group,
            operating=evaluated.operating,
            variants=tuple(variants),
            training_seconds=training_seconds,
            seconds=seconds,
        )
