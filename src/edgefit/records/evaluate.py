"""``evaluation.json``: what the trained network and its operating point do on held-out images."""

from __future__ import annotations

from typing import ClassVar, Generic, Self, TypeVar

from pydantic import AliasChoices, Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

from edgefit.records.figures import Figure
from edgefit.records.record import Part, Record


class Share(Figure):
    """The share of images for which something holds, with its interval.

    Attributes:
        count: Images for which it holds.
        images: Images to which the question applies.
    """

    count: int
    images: int


class ClassFigures(Part):
    """The results of one class.

    Attributes:
        label: Name of the class.
        support: Held-out images of the class.
        precision: Share of the answers with this class that are right.
        recall: Share of the images of this class that are answered right.
        f1: Harmonic mean of the two.
    """

    label: str
    support: int
    precision: Figure
    recall: Figure
    f1: Figure

    @property
    def recall_in_words(self) -> str:
        """Class and recall, e.g. ``dent 91.7 %``."""
        found = self.recall.value
        return f"{self.label} -" if found is None else f"{self.label} {100 * found:.1f} %"


class GroupFigures(Part):
    """The results of the images that share one value of a column.

    Attributes:
        column: Name of the column.
        value: The value in it.
        images: Held-out images of that value.
        accuracy: Share of right answers.
    """

    column: str
    value: str
    images: int
    accuracy: Figure


class Evaluation(Part):
    """The results of one set of outputs.

    Attributes:
        images: Number of images.
        groups: Number of independent groups they come from.
        confidence: Confidence of all intervals, 0 to 1.
        resamples: Bootstrap resamples behind them.
        metrics: Name -> figure.
        per_class: Results of each class in label-map order; empty where a task has no classes.
        confusion: Images by truth (row) and answer (column); empty as above.
        worst_class: The entry of ``per_class`` of lowest recall; None as above.
    """

    images: int
    groups: int
    confidence: float
    resamples: int
    metrics: dict[str, Figure]
    per_class: tuple[ClassFigures, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    worst_class: ClassFigures | None = None


class Reliability(Part):
    """How honest the stated confidence is.

    Attributes:
        expected_calibration_error: Mean gap between confidence and accuracy, 0 to 1.
        negative_log_likelihood: Mean over the images, in nats.
    """

    expected_calibration_error: Figure
    negative_log_likelihood: Figure


class TemperatureEffect(Part):
    """Reliability without and with the temperature of the operating point.

    Attributes:
        temperature: Divisor of the logits.
        before: Without it.
        after: With it.
    """

    temperature: float
    before: Reliability
    after: Reliability


class ThresholdRates(Part):
    """What a threshold does.

    Attributes:
        escape_rate: Share of defects that are let through.
        overkill_rate: Share of good parts that are rejected.
    """

    escape_rate: Share
    overkill_rate: Share


class ConformalRates(Part):
    """What the reject option does.

    Attributes:
        coverage: Share of images whose prediction set holds the true class.
        unsure: Share of images left to a person.
        accuracy_when_sure: Share of right decisions among the images that are decided.
        escape_rate: Share of defects that are let through; None without a threshold.
        overkill_rate: Share of good parts that are rejected; None without a threshold.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"escape_rate", "overkill_rate"})

    coverage: Share
    unsure: Share
    accuracy_when_sure: Share
    escape_rate: Share | None = None
    overkill_rate: Share | None = None


class NoveltyRates(Part):
    """What the novelty rule does.

    Attributes:
        flagged: Share of held-out images that are flagged as novel.
        flagged_out_of_domain: The same for images that show something else; None where the recipe
            does not name any. The file calls it ``flagged_elsewhere``.
        roc_auc: Chance that an out-of-domain image scores above a held-out one; None as above.
    """

    flagged: Share
    flagged_out_of_domain: Share | None = Field(
        default=None,
        validation_alias=AliasChoices("flagged_elsewhere", "flagged_out_of_domain"),
    )
    roc_auc: Figure | None = None

    @model_serializer(mode="wrap")
    def _leave_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = handler(self)
        in_file = {"flagged_out_of_domain": "flagged_elsewhere"}
        return {in_file.get(k, k): v for k, v in facts.items() if v is not None}


C = TypeVar("C")


class _MeasuredRule(Part, Generic[C]):
    """What an operating point does with outputs; parts that it lacks are None.

    Attributes:
        calibration: How far the stated confidence can be relied on.
        threshold: Rates at the threshold alone.
        conformal: Rates of the reject option.
        novelty: Rates of the novelty rule.
        other: Name -> rate, for a task that uses none of the above.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset({"other"})

    calibration: C | None = None
    threshold: ThresholdRates | None = None
    conformal: ConformalRates | None = None
    novelty: NoveltyRates | None = None
    other: dict[str, Figure] | None = None


class Decisions(_MeasuredRule[Reliability]):
    """What an operating point does with one set of outputs."""


class TrainedDecisions(_MeasuredRule[TemperatureEffect]):
    """What an operating point does with the trained network's own outputs.

    ``calibration`` holds the reliability without and with the temperature.
    """


class EvaluateRecord(Evaluation, Record):
    """``evaluation.json``.

    Attributes:
        by: Column of ``evaluate.by`` -> value -> results of its images.
        worst_group: The group of lowest accuracy; None where no group is large enough.
        operating: What the operating point does.
    """

    STAGE: ClassVar[str] = "evaluate"
    FILE: ClassVar[str] = "evaluation.json"

    by: dict[str, dict[str, Evaluation]]
    worst_group: GroupFigures | None
    operating: TrainedDecisions

    @classmethod
    def of(
        cls,
        whole: Evaluation,
        by: dict[str, dict[str, Evaluation]],
        worst_group: GroupFigures | None,
        operating: TrainedDecisions,
    ) -> Self:
        """Extend an evaluation to a record."""
        return cls(
            images=whole.images,
            groups=whole.groups,
            confidence=whole.confidence,
            resamples=whole.resamples,
            metrics=whole.metrics,
            per_class=whole.per_class,
            confusion=whole.confusion,
            worst_class=whole.worst_class,
            by=by,
            worst_group=worst_group,
            operating=operating,
        )
