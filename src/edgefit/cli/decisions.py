"""Tables of what an operating point does, shared by ``evaluate``, ``verify`` and ``build``."""

from __future__ import annotations

from typing import Any

from edgefit.cli.output import percent

_NAMES = {
    "escape_rate": "escape rate (defects let through)",
    "overkill_rate": "overkill rate (good parts rejected)",
    "coverage": "coverage of the prediction sets",
    "unsure": "left to a person (unsure)",
    "accuracy_when_sure": "accuracy of the rest",
    "flagged": "flagged as novel",
    "flagged_elsewhere": "flagged as novel among general images",
    "roc_auc": "ROC-AUC of novelty",
}


def decision_rows(measured: dict[str, Any] | None) -> list[list[str]]:
    """Rows of name and value with interval, of what ``measure_decisions`` gave."""
    if measured is None:
        return []
    rows = []
    for section in ("threshold", "conformal", "novelty"):
        for name, entry in (measured.get(section) or {}).items():
            after = section == "conformal" and name.endswith("_rate")
            rows.append(
                [
                    _NAMES[name] + (", unsure answers left to a person" if after else ""),
                    percent(entry),
                ]
            )
    return rows


def worst_rows(results: dict[str, Any]) -> list[list[str]]:
    """Rows of the worst class and the worst group; they stand beside every mean."""
    rows = []
    if (entry := results.get("worst_class")) is not None:
        rows.append([f"worst class: {entry['label']} (recall)", percent(entry["recall"])])
    if (entry := results.get("worst_group")) is not None:
        name = f"worst {entry['column']}: {entry['value']} (accuracy, {entry['images']} images)"
        rows.append([name, percent(entry["accuracy"])])
    return rows
