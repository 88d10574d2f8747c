"""The error rates of an operating point on labelled images, each with an interval.

One function measures both the trained network and every exported file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics import intervals
from edgefit.metrics.classification import Floats, Integers, checked, roc_auc
from edgefit.metrics.evaluation import or_none
from edgefit.metrics.reliability import calibration
from edgefit.operating.conformal import prediction_sets
from edgefit.operating.threshold import UNDECIDED, decide
from edgefit.records.evaluate import (
    ConformalRates,
    Decisions,
    NoveltyRates,
    Share,
    ThresholdRates,
)
from edgefit.records.figures import Figure
from edgefit.spec import ClassificationRule, DefectThreshold, LabelMap

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Resampling:
    """The bootstrap behind intervals: groups, resamples, confidence and seed."""

    group_N: Integers
    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def shares(self, questions: Mapping[str, tuple[Booleans, Booleans]]) -> dict[str, Share]:
        """Share of images for which each statement holds, among the images it applies to.

        The interval is the bootstrap's over groups, widened by Wilson's on the number of groups.

        Args:
            questions: Name -> (holds, asked), bool (N,) each; ``asked`` marks the images that the
                statement applies to.

        Returns:
            Name -> share; its value and interval are None where no image is asked.
        """
        if not questions:
            return {}
        asked_KN = np.stack([asked for _, asked in questions.values()])
        holds_KN = np.stack([holds & asked for holds, asked in questions.values()])
        drawn_RK = np.concatenate(
            [
                _shares(weights_RN, holds_KN, asked_KN)
                for weights_RN in intervals.resampled_weights(
                    self.group_N, self.resamples, self.seed
                )
            ]
        )
        lows_K, highs_K = intervals.percentile_interval(drawn_RK, self.confidence)
        value_K = _shares(np.ones((1, self.group_N.size)), holds_KN, asked_KN)[0]
        sizes_K = np.array([np.unique(self.group_N[asked]).size for asked in asked_KN], np.float64)
        wilson = intervals.wilson_interval(value_K, sizes_K, self.confidence)
        return {
            name: Share(
                value=or_none(value_K[k]),
                low=or_none(np.fmin(lows_K[k], wilson[0][k])),
                high=or_none(np.fmax(highs_K[k], wilson[1][k])),
                count=int(holds_KN[k].sum()),
                images=int(asked_KN[k].sum()),
            )
            for k, name in enumerate(questions)
        }


def measure_decisions(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    labels: LabelMap,
    point: ClassificationRule,
    *,
    groups_N: NDArray[np.generic] | None = None,
    novelty_N: NDArray[np.floating] | None = None,
    out_of_domain_M: NDArray[np.floating] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Decisions:
    """Measure an operating point.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        targets_N: True classes, integer (N,).
        labels: The C class names.
        point: The operating point.
        groups_N: Group of each image; None makes each image its own group.
        novelty_N: Novelty score of each image, float (N,); needed where the point scores novelty.
        out_of_domain_M: Novelty scores of images that show none of the classes, float (M,).
        resamples: Bootstrap resamples.
        confidence: Confidence of the intervals.

    Returns:
        Every rate with its interval; parts that the point lacks are None.

    Raises:
        InputError: Shapes do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    group_N = intervals.group_index(groups_N, truth.size)
    drawing = Resampling(group_N, resamples, confidence)
    return Decisions(
        calibration=calibration(
            scores, truth, groups_N=group_N, resamples=resamples, confidence=confidence
        ),
        threshold=None
        if point.threshold is None
        else _at_threshold(scores, truth, labels, point.threshold, drawing),
        conformal=_with_conformal(scores, truth, labels, point, drawing),
        novelty=_novelty(novelty_N, out_of_domain_M, point, drawing),
    )


def threshold_rates(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    labels: LabelMap,
    threshold: DefectThreshold,
    *,
    groups_N: NDArray[np.generic] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> ThresholdRates:
    """Measure a threshold alone; arguments and errors as in :func:`measure_decisions`."""
    scores, truth = checked(probabilities_NC, targets_N)
    drawing = Resampling(intervals.group_index(groups_N, truth.size), resamples, confidence)
    return _at_threshold(scores, truth, labels, threshold, drawing)


def _at_threshold(
    scores: Floats, truth: Integers, labels: LabelMap, rule: DefectThreshold, drawing: Resampling
) -> ThresholdRates:
    alone = ClassificationRule(threshold=rule)
    decisions_N = decide(scores, alone, labels)
    return ThresholdRates(**drawing.shares(_error_rates(decisions_N, truth, labels, alone)))


def _with_conformal(
    scores: Floats,
    truth: Integers,
    labels: LabelMap,
    point: ClassificationRule,
    drawing: Resampling,
) -> ConformalRates | None:
    if point.conformal is None:
        return None
    every_N = np.ones(truth.size, dtype=bool)
    sets_NC = prediction_sets(scores, point.conformal.quantile)
    decisions_N = decide(scores, point, labels)
    sure_N = decisions_N != UNDECIDED
    rates = drawing.shares(
        {
            "coverage": (sets_NC[np.arange(truth.size), truth], every_N),
            "unsure": (~sure_N, every_N),
            "accuracy_when_sure": (decisions_N == truth, sure_N),
            **_error_rates(decisions_N, truth, labels, point),
        }
    )
    return ConformalRates(**rates)


def _error_rates(
    decisions_N: Integers, truth: Integers, labels: LabelMap, point: ClassificationRule
) -> dict[str, tuple[Booleans, Booleans]]:
    if point.threshold is None:
        return {}
    defect, good = labels.index(point.threshold.defect), labels.index(point.threshold.good)
    return {
        "escape_rate": (decisions_N == good, truth == defect),
        "overkill_rate": (decisions_N == defect, truth == good),
    }


def _novelty(
    novelty_N: NDArray[np.floating] | None,
    out_of_domain_M: NDArray[np.floating] | None,
    point: ClassificationRule,
    drawing: Resampling,
) -> NoveltyRates | None:
    if point.novelty is None or novelty_N is None:
        return None
    flagged_N = novelty_N > point.novelty.threshold
    found = drawing.shares({"flagged": (flagged_N, np.ones(flagged_N.size, dtype=bool))})
    if out_of_domain_M is None or not out_of_domain_M.size:
        return NoveltyRates(**found)
    flagged_M = out_of_domain_M > point.novelty.threshold
    other = Resampling(
        np.arange(flagged_M.size), drawing.resamples, drawing.confidence, drawing.seed
    )
    every_M = np.ones(flagged_M.size, dtype=bool)
    found |= other.shares({"flagged_out_of_domain": (flagged_M, every_M)})
    return NoveltyRates(**found, roc_auc=_separation(novelty_N, out_of_domain_M, drawing))


def _separation(
    known_N: NDArray[np.floating], out_of_domain_M: NDArray[np.floating], drawing: Resampling
) -> Figure:
    """The chance that an out-of-domain image scores above a known one, groups kept together."""
    score = np.concatenate([known_N, out_of_domain_M]).astype(np.float64)
    truth = np.repeat([0, 1], [known_N.size, out_of_domain_M.size])
    own = drawing.group_N.max() + 1 + np.arange(out_of_domain_M.size)
    group = np.concatenate([drawing.group_N, own])
    columns = np.stack([-score, score], axis=1)
    value = float(roc_auc(columns, truth, np.ones((1, truth.size)))[0])
    drawn_R = np.concatenate(
        [
            roc_auc(columns, truth, weights_RN)
            for weights_RN in intervals.resampled_weights(group, drawing.resamples, drawing.seed)
        ]
    )
    low, high = intervals.percentile_interval(drawn_R, drawing.confidence)
    known_groups = int(drawing.group_N.max()) + 1
    bounds = intervals.auc_interval(value, out_of_domain_M.size, known_groups, drawing.confidence)
    return Figure(
        value=value,
        low=or_none(float(np.fmin(low, bounds[0]))),
        high=or_none(float(np.fmax(high, bounds[1]))),
    )


def _shares(weights_RN: Floats, holds_KN: Booleans, asked_KN: Booleans) -> Floats:
    """Weighted shares, ``float64`` (R, K); NaN where no image is asked."""
    parts, wholes = weights_RN @ holds_KN.T, weights_RN @ asked_KN.T
    shares = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
