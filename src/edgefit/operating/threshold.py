"""Thresholds of two-class quality control: how to choose them, and the decisions they make.

The *escape rate* is the share of defects that are let through, the *overkill rate* the share of
good parts that are rejected.

A threshold keeps the one-sided upper confidence bound of the limited rate, not the observed rate,
within the limit. The bound is Clopper & Pearson's (1934, Biometrika 26:404-413), which holds for
few defects. The rate can only fall when the threshold moves to the safe side, so choosing the last
threshold whose bound holds keeps the confidence: Bates et al. 2021, Distribution-Free,
Risk-Controlling Prediction Sets (https://arxiv.org/abs/2101.02703), theorem 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import GateError, InputError
from edgefit.metrics import intervals
from edgefit.metrics.classification import Floats, Integers
from edgefit.operating.conformal import prediction_sets
from edgefit.spec import ClassificationRule, LabelMap
from edgefit.wording import agreeing, counted

Rate = Literal["escape", "overkill"]

UNDECIDED = -1
"""Means ``unsure`` where decisions are class positions."""

LIMIT_CONFIDENCE = 0.95
"""One-sided confidence at which the limit of a rate holds."""

_EDGE = 1e-15


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold and the figures behind it.

    Attributes:
        value: Smallest probability of the defect class at which a part counts as a defect.
        rate: The limited rate, as observed on these images.
        upper_bound: Its one-sided upper confidence bound.
        images: Images of the class concerned.
        groups: Groups they come from; the sample size of the bound.
    """

    value: float
    rate: float
    upper_bound: float
    images: int
    groups: int


def decide(
    probabilities_NC: NDArray[np.floating], point: ClassificationRule, labels: LabelMap
) -> Integers:
    """The decision on each image: a class position, or ``UNDECIDED``.

    The threshold gives the answer; without one, arg-max does. A reject rule keeps the answer only
    where the prediction set holds this class and no other. So it also leaves to a person a part
    near the threshold that the set puts into the other class.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        point: The operating point.
        labels: The C class names.
    """
    answers_N: Integers = probabilities_NC.argmax(axis=1).astype(np.int64)
    if point.threshold is not None:
        defect, good = labels.index(point.threshold.defect), labels.index(point.threshold.good)
        over_N = probabilities_NC[:, defect] >= point.threshold.value
        answers_N = np.where(over_N, defect, good).astype(np.int64)
    if point.conformal is not None:
        sets_NC = prediction_sets(probabilities_NC, point.conformal.quantile)
        alone_N = sets_NC.sum(axis=1) == 1
        alone_N &= sets_NC[np.arange(len(answers_N)), answers_N]
        answers_N = np.where(alone_N, answers_N, UNDECIDED)
    return answers_N


def upper_bound(events: int, trials: int, confidence: float = LIMIT_CONFIDENCE) -> float:
    """Clopper and Pearson's one-sided upper bound of a share.

    At this share, ``events`` or fewer events have a chance of only 1 - ``confidence``.
    """
    if events >= trials:
        return 1.0
    # only the workstation chooses thresholds; devices import this module without scipy
    from scipy.special import betaincinv

    return float(betaincinv(events + 1, trials - events, confidence))


def trials_needed(limit: float, confidence: float = LIMIT_CONFIDENCE) -> int:
    """Smallest number of trials that, without a single event, show a rate to be within ``limit``.

    About 3 / limit at a confidence of 95 %: the rule of three (Hanley & Lippman-Hand 1983, JAMA
    249:1743-1745).
    """
    return math.ceil(math.log(1 - confidence) / math.log1p(-limit) - 1e-9)


def choose_threshold(
    defect_probability_N: NDArray[np.floating],
    is_defect_N: NDArray[np.bool_],
    limit: float,
    limited: Rate,
    *,
    groups_N: NDArray[np.generic] | None = None,
    confidence: float = LIMIT_CONFIDENCE,
) -> ChosenThreshold:
    """The threshold that keeps one rate within its limit at the least cost in the other.

    It is midway (in log odds) between the last score that must stay on its side and the next score
    beyond it, so the rounding of another engine or precision does not move a part across.

    Args:
        defect_probability_N: Probability of the defect class, float (N,), 0 to 1.
        is_defect_N: Which images are defects, bool (N,).
        limit: Largest rate allowed, 0 to 1.
        limited: ``escape`` or ``overkill``.
        groups_N: Group of each image; the bound counts groups, not images.
        confidence: One-sided confidence of the bound.

    Raises:
        GateError: The class concerned has too few images to show any rate to be within the limit;
            the error says how many are enough. Or no threshold keeps the limit.
    """
    scores = np.asarray(defect_probability_N, dtype=np.float64)
    group_N = intervals.group_index(groups_N, scores.size)
    concerned_N = is_defect_N if limited == "escape" else ~is_defect_N
    groups = int(np.unique(group_N[concerned_N]).size)
    images = int(concerned_N.sum())
    if groups < trials_needed(limit, confidence):
        raise _too_few(groups, images, limit, limited, confidence)
    allowed = _errors_allowed(images, groups, limit, confidence)
    # mirrored, the rule for good parts is the rule for defects
    sign = 1.0 if limited == "escape" else -1.0
    position = _between(sign * _log_odds(scores), concerned_N, allowed)
    value = float(1 / (1 + math.exp(-sign * position)))
    over_N = scores >= value
    errors = int((concerned_N & (over_N != is_defect_N)).sum())
    bound = upper_bound(_group_errors(errors, images, groups), groups, confidence)
    if bound > limit:
        raise GateError(
            f"No threshold keeps the {limited} rate within its limit on validation.",
            key=f"operating.max_{limited}",
            expected=f"an upper bound of at most {_as_in_recipe(limit)}",
            found=f"{_as_in_recipe(bound)}: {errors} of {counted(images, 'image')} "
            f"{agreeing(errors, 'are')} wrong at any threshold",
            remedy="check these images for wrong labels, or ask for a larger rate",
        )
    return ChosenThreshold(value, errors / images, bound, images, groups)


def _too_few(groups: int, images: int, limit: float, limited: Rate, confidence: float) -> GateError:
    """No rate can be shown to be within the limit with so few images of the class concerned."""
    remedy = "label more such images, give validation a larger share (data.split.validation)"
    if groups:
        remedy += f", or ask for at least {_as_in_recipe(smallest_limit(groups, confidence))}"
    return GateError(
        f"Validation holds too few {'defects' if limited == 'escape' else 'good parts'} "
        f"to support this {limited} rate.",
        key=f"operating.max_{limited}",
        expected=f"at least {trials_needed(limit, confidence)} independent groups of such images "
        f"(for {_as_in_recipe(limit)} at {confidence:.0%} confidence, without a single error)",
        found=f"{counted(groups, 'group')} ({counted(images, 'image')})",
        remedy=remedy,
    )


def smallest_limit(trials: int, confidence: float = LIMIT_CONFIDENCE) -> float:
    """The smallest rate that ``trials`` without an event can show, rounded up to 0.001."""
    return math.ceil(upper_bound(0, trials, confidence) * 1000) / 1000


def _as_in_recipe(rate: float) -> str:
    """A rate as the recipe states it, and in percent."""
    return f"{rate:.4g} ({rate:.2%})"


def operating_labels(labels: LabelMap, good: str) -> str:
    """The defect class, given the good one.

    Raises:
        InputError: There are not exactly two classes, or ``good`` is not one of them.
    """
    if len(labels) != 2:
        raise InputError(
            "A threshold needs two classes, good and defect.",
            key="operating.good",
            expected="2 classes",
            found=f"{len(labels)}: {', '.join(labels.names[:10])}",
            remedy="leave operating.good out, or name the two classes with data.classes",
        )
    if good not in labels.names:
        raise InputError(
            "The good class is not in the class list.",
            key="operating.good",
            expected=list(labels.names),
            found=good,
            remedy="write the class of good parts as its folder is named",
        )
    return next(name for name in labels.names if name != good)


def _errors_allowed(images: int, groups: int, limit: float, confidence: float) -> int:
    """Largest number of errors whose bound stays within the limit."""
    allowed = 0
    while upper_bound(_group_errors(allowed + 1, images, groups), groups, confidence) <= limit:
        allowed += 1
    return allowed


def _group_errors(errors: int, images: int, groups: int) -> int:
    """The number of groups that gives the same share of errors, rounded up."""
    return math.ceil(errors * groups / images - 1e-9)


def _between(scores: Floats, concerned_N: NDArray[np.bool_], allowed: int) -> float:
    """Midway between the lowest score that must stay above and the next score below it."""
    lowest = float(np.sort(scores[concerned_N])[allowed])
    below = scores[scores < lowest]
    return (lowest + float(below.max())) / 2 if below.size else lowest - 1.0


def _log_odds(scores: Floats) -> Floats:
    inside = scores.clip(_EDGE, 1 - _EDGE)
    odds: Floats = np.log(inside / (1 - inside))
    return odds
