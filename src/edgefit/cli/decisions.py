"""Table rows of decisions at an operating point, for ``evaluate``, ``verify`` and ``build``."""

from __future__ import annotations

from edgefit.cli.output import percent
from edgefit.records.evaluate import (
    ClassFigures,
    ConformalRates,
    Decisions,
    GroupFigures,
    NoveltyRates,
    ThresholdRates,
    TrainedDecisions,
)
from edgefit.wording import counted

_NAMES = {
    "escape_rate": "escape rate (defects let through)",
    "overkill_rate": "overkill rate (good parts rejected)",
    "coverage": "coverage of the prediction sets",
    "unsure": "left to a person (unsure)",
    "accuracy_when_sure": "accuracy of the rest",
    "flagged": "flagged as novel",
    "flagged_out_of_domain": "flagged as novel among general images",
    "roc_auc": "ROC-AUC of novelty",
}


def decision_rows(measured: Decisions | TrainedDecisions | None) -> list[list[str]]:
    """Rows of name and value with interval."""
    if measured is None:
        return []
    return [
        *_rows(measured.threshold),
        *_rows(measured.conformal, ", unsure answers left to a person"),
        *_rows(measured.novelty),
        *([name.replace("_", " "), percent(rate)] for name, rate in (measured.other or {}).items()),
    ]


def _rows(
    rates: ThresholdRates | ConformalRates | NoveltyRates | None, of_error_rates: str = ""
) -> list[list[str]]:
    """One row for each measured rate."""
    return [
        [_NAMES[name] + (of_error_rates if name.endswith("_rate") else ""), percent(figure)]
        for name, figure in rates or ()
        if figure is not None
    ]


def worst_rows(
    worst_class: ClassFigures | None, worst_group: GroupFigures | None
) -> list[list[str]]:
    """Rows of the worst class and the worst group, which a mean hides."""
    rows = []
    if worst_class is not None:
        name = f"worst class: {worst_class.label} (recall)"
        rows.append([name, percent(worst_class.recall)])
    if worst_group is not None:
        name = (
            f"worst {worst_group.column}: {worst_group.value} "
            f"(accuracy, {counted(worst_group.images, 'image')})"
        )
        rows.append([name, percent(worst_group.accuracy)])
    return rows
