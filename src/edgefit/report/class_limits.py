"""Limits and risks of a classifier: classes, groups, decisions, confidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edgefit.records.calibrate import ThresholdChoice
from edgefit.records.evaluate import Decisions, Share, TrainedDecisions
from edgefit.report.decisions import TRAINED, held_out
from edgefit.report.facts import RunFacts
from edgefit.report.words import percent, shortened, with_interval
from edgefit.wording import counted

_FEW_IMAGES = 20
_WEAK_RECALL = 0.9
_POOR_CALIBRATION = 0.05
_MUCH_UNSURE = 0.1
_SHOWN = 6


def weaknesses(facts: RunFacts) -> Iterator[str]:
    """Weak classes and groups, rates above their limits, unreliable confidence."""
    yield from _weak_classes(facts)
    yield from _operating_point(facts)
    yield from _calibration(facts)


def _weak_classes(facts: RunFacts) -> Iterator[str]:
    entries = facts.evaluation.per_class
    absent = [e.label for e in entries if not e.support]
    if absent:
        yield f"Never tested, because test images are missing: {_names(absent)}."
    few = [e.label for e in entries if 0 < e.support < _FEW_IMAGES]
    if few:
        yield (
            f"Tested on fewer than {_FEW_IMAGES} images each: {_names(few)}. "
            "Their own figures say little."
        )
    yield from _weak_group(facts)
    weak = [
        f"{shortened(e.label, 40)} ({percent(e.recall.value)} found)"
        for e in sorted(entries, key=lambda e: e.recall.value or 0.0)
        if e.recall.value is not None and e.recall.value < _WEAK_RECALL
    ]
    if weak:
        yield f"Found in fewer than {percent(_WEAK_RECALL, 0)} of cases: {_names(weak)}."


def _weak_group(facts: RunFacts) -> Iterator[str]:
    """The mean hides a camera, a shift or a track that fails."""
    group = facts.evaluation.worst_group
    if group is not None and (group.accuracy.value or 0.0) < _WEAK_RECALL:
        yield (
            f"Of the {counted(group.images, 'image')} of {group.column} "
            f"{shortened(group.value, 60)} only {percent(group.accuracy.value)} were "
            "answered right."
        )


def _operating_point(facts: RunFacts) -> Iterator[str]:
    threshold = facts.operating.threshold
    if threshold is not None:
        yield from _threshold(facts, threshold)
    conformal = facts.operating.conformal
    if conformal is not None:
        yield from _reject_option(facts, conformal.coverage)


def _threshold(facts: RunFacts, threshold: ThresholdChoice) -> Iterator[str]:
    escape, overkill = threshold.escape_rate, threshold.overkill_rate
    basis = f"{counted(escape.images, 'defect')} and {overkill.images:,} good images"
    limit = threshold.limit
    if limit is None:
        yield (
            "The recipe limits neither the escape rate nor the overkill rate: the answer is the "
            "more probable class, and no threshold was chosen to let few defects escape. "
            f"Validation has {basis}."
        )
        return
    which = "escape" if threshold.chosen_for == "max_escape" else "overkill"
    yield (
        f"The threshold was chosen on {basis} of validation "
        f"({counted(threshold.bound_groups or 0, 'independent group')} of the images that the "
        f"{which} rate counts). It is valid for parts like those. If defects become rarer, change "
        "in kind or look different, choose it again."
    )
    above = _where(
        facts,
        lambda found: (
            found.threshold
            and (
                found.threshold.escape_rate if which == "escape" else found.threshold.overkill_rate
            )
        ),
        lambda rate: (rate.value or 0.0) > limit,
    )
    if above:
        yield (
            f"On held-out images the {which} rate is above the limit of {percent(limit, 2)}: "
            f"{above}."
        )


def _reject_option(facts: RunFacts, coverage: float) -> Iterator[str]:
    below = _where(
        facts,
        lambda found: found.conformal and found.conformal.coverage,
        lambda share: (share.high or 1.0) < coverage,
    )
    if below:
        yield (
            "On held-out images the prediction sets cover less than the requested "
            f"{percent(coverage)}: {below}. These images differ from those of validation."
        )
    many = _where(
        facts,
        lambda found: found.conformal and found.conformal.unsure,
        lambda share: (share.value or 0.0) > _MUCH_UNSURE,
    )
    if many:
        yield f"Many held-out images are left to a person: {many}."


def _where(
    facts: RunFacts,
    share_of: Callable[[Decisions | TrainedDecisions], Share | None],
    holds: Callable[[Share], bool],
) -> str:
    """The networks a user can get whose figure satisfies ``holds``, with that figure."""
    users = {TRAINED, *(str(variant.key) for variant in facts.manifest.variants)}
    found = [
        f"{whose} {with_interval(entry)}"
        for whose, measured in held_out(facts)
        if whose in users
        and (entry := share_of(measured)) is not None
        and entry.value is not None
        and holds(entry)
    ]
    return ", ".join(found)


def _calibration(facts: RunFacts) -> Iterator[str]:
    error = facts.evaluation.metrics["expected_calibration_error"]
    if error.value is not None and error.value > _POOR_CALIBRATION:
        scaled = ", even after the temperature was fitted on validation"
        if not facts.recipe.operating.temperature:
            scaled = " (operating.temperature is off)"
        elif (choice := facts.operating.scaling) is not None and not choice.applied:
            scaled = ", and one temperature does not improve that"
        yield (
            "The stated confidence is not the chance of being right: they differ by "
            f"{with_interval(error)} on average{scaled}. Set thresholds on measured results only."
        )


def unknown_images(facts: RunFacts) -> Iterator[str]:
    """What happens to an image that shows none of the classes."""
    classes = len(facts.labels)
    if facts.operating.novelty is None:
        unsure = facts.operating.conformal is not None
        yield (
            f"It knows only its {classes} classes. An image that shows none of them still gets one "
            f"of them{' or is called unsure' if unsure else ''}, and nothing flags it."
        )
        return
    figures = dict(held_out(facts))
    found = figures.get(str(facts.recommended.key), Decisions()).novelty
    flagged = found and found.flagged_out_of_domain
    seen = (
        f"{with_interval(flagged)} of general images were flagged"
        if flagged
        else "the share that is flagged was not measured"
    )
    yield (
        f"It knows only its {classes} classes. An image that shows none of them may or may not be "
        f"flagged as novel: {seen}. A new kind of flaw on a known part can look familiar."
    )


def _names(names: list[str]) -> str:
    shown = ", ".join(shortened(name, 60) for name in names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
