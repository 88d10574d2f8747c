"""Limits and risks of a model in plain words; the same list on page and card."""

from __future__ import annotations

from collections.abc import Iterator

from edgefit.report.facts import RunFacts
from edgefit.report.tasks import TASKS
from edgefit.report.words import (
    metric_title,
    percent,
    points,
    with_interval,
)
from edgefit.wording import counted

_WIDE = 0.02
_RESTLESS = 0.2
_FORGOTTEN = 0.9
_SPOILING = {
    "leak": "images occur in more than one split, so the figures here are too good",
    "label-conflict": "images occur with different labels, so some answers counted as wrong "
    "may be right, and vice versa",
}


def limits(facts: RunFacts) -> list[str]:
    """Limits and risks, the gravest first, each in one or two sentences."""
    task = TASKS[facts.recipe.task]
    return [
        *_data(facts),
        *_uncertainty(facts),
        *task.weaknesses(facts),
        *_training(facts),
        *_variants(facts),
        *task.unlike_the_training(facts),
        *_always(facts),
        *facts.left_out,
    ]


def _data(facts: RunFacts) -> Iterator[str]:
    codes = {finding.code for finding in facts.check.findings}
    for code, consequence in _SPOILING.items():
        if code in codes:
            yield f"The data check found an error: {consequence}. Correct the data and build again."
    if "no-groups" in codes:
        yield (
            "Every image was treated as independent. If several show the same part, track or "
            "person, they may be on both sides of the split, and the figures are too good."
        )
    left_out = len(facts.check.unreadable)
    if left_out:
        yield f"{counted(left_out, 'image')} could not be read and took no part in the build."


def _uncertainty(facts: RunFacts) -> Iterator[str]:
    entry = facts.evaluation.metrics[facts.metric]
    low, high = entry.low, entry.high
    images, groups = facts.evaluation.images, facts.evaluation.groups
    if low is not None and high is not None and high - low >= _WIDE:
        basis = counted(images, "image")
        if groups != images:
            basis += f" in {counted(groups, 'independent group')}"
        yield (
            f"The test set is small: {basis}. The {facts.confidence} interval of "
            f"{metric_title(facts.metric).lower()} is {points(high - low).lstrip('+')} points "
            "wide; do not take smaller differences as real."
        )
    yield (
        "The intervals cover the choice of test images only. One training with one seed was "
        "measured; another may come out better or worse."
    )


def _training(facts: RunFacts) -> Iterator[str]:
    if facts.training.over_fitting:
        yield facts.training.over_fitting
    found = facts.retention
    if found is not None:
        kept = found.linear.kept
        if kept.value is not None and kept.value < _FORGOTTEN:
            yield (
                f"The backbone keeps {with_interval(kept)} of what it knew about general images. "
                "It is a poorer start for another task, and may be less robust to changes of light "
                "or camera."
            )


def _variants(facts: RunFacts) -> Iterator[str]:
    limit = facts.recipe.verify.max_drop
    for entry in facts.verification.variants:
        batches = entry.batches.values()
        unsure = [b for b in batches if b.drop_within_limit_with_confidence is False]
        if entry.passed and unsure:
            worst = max((b.drop_high for b in unsure if b.drop_high is not None), default=None)
            if worst is not None:
                yield (
                    f"{entry.variant} stayed within the allowed drop of {limit:g} points on these "
                    f"images, but the drop may be as large as {points(worst).lstrip('+')} points."
                )
    for name in facts.verification.failed:
        yield f"{name} did not pass the gate and is not in the bundle."
    for variant in facts.manifest.variants:
        measured = facts.measured(str(variant.key))
        if measured is None:
            yield f"{variant.key} passed the gate, but its speed could not be measured."
        elif measured.latency_spread > _RESTLESS:
            yield (
                f"The latency of {variant.key} differed by "
                f"{percent(measured.latency_spread, 0)} between rounds: the machine was not "
                "idle. Measure again before relying on this figure."
            )


def _always(facts: RunFacts) -> Iterator[str]:
    yield (
        "It was tested on images of the same origin as its training images. Nothing shows that it "
        "works with another camera, lens, light, background or product."
    )
    yield "Latency was measured on the machine named here; measure again on the device."
