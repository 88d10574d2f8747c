"""Studies beside the training: knowledge kept, remedies compared, learning curve."""

from __future__ import annotations

from collections.abc import Mapping

from edgefit.records.comparison import Gain
from edgefit.records.evaluate import ClassFigures
from edgefit.records.learning_curve import Advantage
from edgefit.report.facts import RunFacts
from edgefit.report.row import Row
from edgefit.report.words import metric_title, percent, points, with_interval
from edgefit.wording import counted

_PROBES = {
    "neighbours": ("Nearest neighbours", "each image gets the class of the images most like it"),
    "linear": ("Linear probe", "a logistic regression on the features, cross-validated"),
}
_WHEN = ("before", "after", "kept")
_ARMS = {"finetune": "fine-tuned", "scratch": "from random weights"}


def arm_title(arm: str) -> str:
    """The name of a line of the learning curve."""
    return _ARMS.get(arm, arm)


def retention(facts: RunFacts) -> Row | None:
    """What the backbone knows about general images, before and after; None if not measured."""
    found = facts.retention
    if found is None:
        return None
    return {
        "basis": f"{counted(found.images, 'general image')} of "
        f"{counted(found.classes, 'class')}, none of them used in training",
        "neighbours": found.k,
        "notes": found.notes,
        "rows": [
            {
                "title": title,
                "meaning": meaning,
                **{when: with_interval(getattr(found.by_probe[name], when)) for when in _WHEN},
            }
            for name, (title, meaning) in _PROBES.items()
        ],
    }


def comparison(facts: RunFacts) -> Row | None:
    """Remedies against forgetting side by side; None if they were not compared."""
    found = facts.comparison
    if found is None:
        return None
    metric = found.metric
    return {
        "metric": metric_title(metric),
        "basis": f"{counted(found.test_images, 'test image')} and "
        f"{counted(found.general_images, 'general image')}",
        "notes": found.notes,
        "rows": [
            {
                "name": arm.name,
                "settings": _settings(arm.settings),
                "metric": with_interval(arm.metrics[metric]),
                "gain": _gain(arm.over_none),
                "linear": with_interval(arm.kept.linear),
                "neighbours": with_interval(arm.kept.neighbours),
                "worst": _worst(arm.worst_class),
            }
            for arm in found.arms
        ],
    }


def _settings(settings: Mapping[str, float | int | str]) -> str:
    return ", ".join(f"{key.removeprefix('train.')}={value}" for key, value in settings.items())


def _gain(entry: Gain | Advantage | None) -> str:
    return "-" if entry is None or entry.gain is None else points(entry.gain, entry.low, entry.high)


def _worst(entry: ClassFigures) -> str:
    return f"{entry.label}: {percent(entry.recall.value)}"


def learning_curve(facts: RunFacts) -> Row | None:
    """Held-out results by the number of training images; None without a learning curve."""
    found = facts.learning_curve
    if found is None:
        return None
    metric = found.metric
    advantage = {entry.percent: entry for entry in found.advantage}
    return {
        "metric": metric_title(metric),
        "basis": counted(found.test_images, "test image"),
        "conclusion": found.conclusion,
        "rule": found.rule,
        "against_scratch": bool(advantage),
        "rows": [
            {
                "images": point.images,
                "percent": f"{point.percent:g} %",
                "arm": arm_title(point.arm),
                "epochs": point.epochs,
                "metric": with_interval(point.metrics[metric]),
                "worst": _worst(point.worst_class),
                "advantage": _gain(advantage.get(point.percent))
                if point.arm == "finetune"
                else "-",
            }
            for point in found.points
        ],
    }
