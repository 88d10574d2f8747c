"""What happens to a trained network: measurements, decisions, files and their requirements."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from edgefit.recipe.section import Fraction, Section
from edgefit.spec import Engine, Precision, VariantKey


class RetentionConfig(Section):
    """How much general knowledge the backbone keeps.

    Attributes:
        general: Folder of general images, one folder per class; None leaves the stage out.
        links: Which symbolic links in it are followed: those that lead ``inside`` it, or ``all``.
        images_per_class: Largest number of images measured of each class.
        neighbours: k of the k-nearest-neighbour probe.
    """

    general: Path | None = None
    links: Literal["inside", "all"] = "inside"
    images_per_class: int = Field(default=40, ge=4)
    neighbours: int = Field(default=10, ge=1)


class OperatingConfig(Section):
    """From probabilities to decisions; everything is chosen on validation.

    Attributes:
        temperature: Scale the logits so that confidence is the chance of being right (Guo 2017);
            the temperature becomes part of the graph.
        good: The class of good parts; the other class (two classes only) is the defect.
        max_escape: Largest share of defects let through; sets the threshold.
        max_overkill: Largest share of good parts rejected; sets the threshold instead.
        coverage: Answer ``unsure`` unless split-conformal prediction at this coverage leaves
            exactly one class.
        novelty: Score how far a frame is from all training images, and flag frames beyond
            ``novelty_quantile`` of validation.
        novelty_quantile: Share of validation images that count as known.
    """

    temperature: bool = True
    good: str | None = None
    max_escape: Fraction | None = None
    max_overkill: Fraction | None = None
    coverage: Fraction | None = None
    novelty: bool = True
    novelty_quantile: Fraction = 0.99

    @model_validator(mode="after")
    def _one_rate(self) -> OperatingConfig:
        if self.max_escape is not None and self.max_overkill is not None:
            raise ValueError("max_escape and max_overkill exclude each other; keep one")
        if (self.max_escape or self.max_overkill) is not None and self.good is None:
            raise ValueError("a threshold needs `good`, the class of good parts")
        return self


class EvaluateConfig(Section):
    """Intervals and break-downs of the results.

    Attributes:
        resamples: Bootstrap resamples, drawn over groups.
        confidence: Level of the intervals.
        by: Columns to break results down by: ``group`` or a column of the CSV.
    """

    resamples: int = Field(default=1000, ge=100)
    confidence: Fraction = 0.95
    by: list[str] = []


class ExportConfig(Section):
    """Which variants are exported, and how int8 is calibrated."""

    engines: list[Engine] = [Engine.ONNXRUNTIME, Engine.OPENVINO]
    precisions: list[Precision] = [Precision.FP32, Precision.FP16, Precision.INT8]
    opset: int = Field(default=18, ge=18, le=23)
    calibration_images: int = Field(default=300, ge=8)
    golden_frames: int = Field(default=8, ge=1, le=64)

    @field_validator("engines", "precisions")
    @classmethod
    def _not_empty_not_twice(cls, values: list[Any]) -> list[Any]:
        if not values or len(set(values)) != len(values):
            raise ValueError("must name at least one, each once")
        return values

    def variants(self) -> list[VariantKey]:
        """Every combination of the engines and precisions."""
        return [VariantKey(e, p) for e in self.engines for p in self.precisions]


class VerifyConfig(Section):
    """The requirements for a variant to enter the bundle.

    Attributes:
        metric: The metric whose drop is limited, one of the task's.
        max_drop: Largest allowed drop of ``metric`` against the trained network, in percentage
            points.
        batch_sizes: Batch sizes at which every held-out image is run.
        required: Variants (``engine/precision``) that must pass or the build fails; ``all``, or
            ``any`` (at least one must pass).
    """

    metric: str = "accuracy"
    max_drop: float = Field(default=0.5, ge=0, le=100)
    batch_sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [1, 3]
    required: list[str] | Literal["all", "any"] = "any"

    @field_validator("required")
    @classmethod
    def _known_variants(cls, required: list[str] | str) -> list[str] | str:
        if isinstance(required, list):
            for name in required:
                engine, _, precision = name.partition("/")
                if engine not in set(Engine) or precision not in set(Precision):
                    raise ValueError(f"{name!r} is not a variant; write engine/precision")
        return required


class BenchmarkConfig(Section):
    """How latency is measured on this machine."""

    seconds: float = Field(default=2.0, gt=0)
    rounds: int = Field(default=3, ge=1)
    threads: int | None = Field(default=None, ge=1)
