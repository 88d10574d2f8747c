"""What an operating point does on labelled images: the rates of its errors, each with an interval.

One function measures the trained network and every exported file alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.metrics import intervals
from edgefit.metrics.classification import Floats, Integers, checked, roc_auc
from edgefit.metrics.evaluation import or_none
from edgefit.metrics.reliability import calibration
from edgefit.operating.conformal import prediction_sets
from edgefit.operating.threshold import UNDECIDED, decide
from edgefit.spec import LabelMap, OperatingPoint

Booleans = NDArray[np.bool_]
Entry = dict[str, Any]


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: groups, resamples, confidence and seed of the bootstrap."""

    group_N: Integers
    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0

    def shares(self, questions: Mapping[str, tuple[Booleans, Booleans]]) -> dict[str, Entry]:
        """Share of images for which each thing holds, among those it is asked of.

        The interval is the bootstrap's over groups, widened by Wilson's on the number of groups.

        Args:
            questions: Name -> (holds, asked), bool (N,) each.

        Returns:
            Name -> ``value``, ``low``, ``high`` (None where nothing is asked), ``count`` of images
            for which it holds and ``images`` asked.
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
            name: {
                "value": or_none(value_K[k]),
                "low": or_none(np.fmin(lows_K[k], wilson[0][k])),
                "high": or_none(np.fmax(highs_K[k], wilson[1][k])),
                "count": int(holds_KN[k].sum()),
                "images": int(asked_KN[k].sum()),
            }
            for k, name in enumerate(questions)
        }


def measure_decisions(
    probabilities_NC: NDArray[np.floating],
    targets_N: NDArray[np.integer],
    labels: LabelMap,
    point: OperatingPoint,
    *,
    groups_N: NDArray[np.generic] | None = None,
    novelty_N: NDArray[np.floating] | None = None,
    elsewhere_M: NDArray[np.floating] | None = None,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Measure an operating point.

    Args:
        probabilities_NC: Class probabilities, float (N, C).
        targets_N: True classes, integer (N,).
        labels: The C class names.
        point: The operating point.
        groups_N: Group of each image; without it each is its own.
        novelty_N: Novelty score of each image, float (N,); needed where the point scores novelty.
        elsewhere_M: Novelty scores of pictures that are none of the job's, float (M,).
        resamples: Bootstrap resamples.
        confidence: Confidence of the intervals.

    Returns:
        JSON-ready, every figure with ``value``, ``low``, ``high``:

        - ``calibration``: ``expected_calibration_error``, ``negative_log_likelihood``
        - ``threshold``: ``escape_rate``, ``overkill_rate`` at the threshold alone; or None
        - ``conformal``: ``coverage`` of the prediction sets, share ``unsure``,
          ``accuracy_when_sure``, and with a threshold ``escape_rate`` and ``overkill_rate`` of
          what is still decided; or None
        - ``novelty``: share ``flagged``, and with ``elsewhere_M`` the share ``flagged_elsewhere``
          and the ``roc_auc`` between the two; or None

    Raises:
        InputError: Shapes do not fit.
    """
    scores, truth = checked(probabilities_NC, targets_N)
    group_N = intervals.group_index(groups_N, truth.size)
    drawing = Resampling(group_N, resamples, confidence)
    options: dict[str, Any] = {"resamples": resamples, "confidence": confidence}
    return {
        "calibration": calibration(scores, truth, groups_N=group_N, **options),
        "threshold": _at_threshold(scores, truth, labels, point, drawing),
        "conformal": _with_conformal(scores, truth, labels, point, drawing),
        "novelty": _novelty(novelty_N, elsewhere_M, point, drawing),
    }


def _at_threshold(
    scores: Floats, truth: Integers, labels: LabelMap, point: OperatingPoint, drawing: Resampling
) -> Entry | None:
    if point.threshold is None:
        return None
    decisions_N = decide(scores, OperatingPoint(threshold=point.threshold), labels)
    return drawing.shares(_error_rates(decisions_N, truth, labels, point))


def _with_conformal(
    scores: Floats, truth: Integers, labels: LabelMap, point: OperatingPoint, drawing: Resampling
) -> Entry | None:
    if point.conformal is None:
        return None
    every_N = np.ones(truth.size, dtype=bool)
    sets_NC = prediction_sets(scores, point.conformal.quantile)
    decisions_N = decide(scores, point, labels)
    sure_N = decisions_N != UNDECIDED
    return drawing.shares(
        {
            "coverage": (sets_NC[np.arange(truth.size), truth], every_N),
            "unsure": (~sure_N, every_N),
            "accuracy_when_sure": (decisions_N == truth, sure_N),
            **_error_rates(decisions_N, truth, labels, point),
        }
    )


def _error_rates(
    decisions_N: Integers, truth: Integers, labels: LabelMap, point: OperatingPoint
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
    elsewhere_M: NDArray[np.floating] | None,
    point: OperatingPoint,
    drawing: Resampling,
) -> Entry | None:
    if point.novelty is None or novelty_N is None:
        return None
    flagged_N = novelty_N > point.novelty.threshold
    found = drawing.shares({"flagged": (flagged_N, np.ones(flagged_N.size, dtype=bool))})
    if elsewhere_M is None or not elsewhere_M.size:
        return found
    flagged_M = elsewhere_M > point.novelty.threshold
    other = Resampling(
        np.arange(flagged_M.size), drawing.resamples, drawing.confidence, drawing.seed
    )
    shares = other.shares({"flagged_elsewhere": (flagged_M, np.ones(flagged_M.size, dtype=bool))})
    return found | shares | {"roc_auc": _separation(novelty_N, elsewhere_M, drawing)}


def _separation(
    known_N: NDArray[np.floating], elsewhere_M: NDArray[np.floating], drawing: Resampling
) -> Entry:
    """The chance that a picture from elsewhere scores above a known one, groups kept together."""
    score = np.concatenate([known_N, elsewhere_M]).astype(np.float64)
    truth = np.repeat([0, 1], [known_N.size, elsewhere_M.size])
    own = drawing.group_N.max() + 1 + np.arange(elsewhere_M.size)
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
    bounds = intervals.auc_interval(value, elsewhere_M.size, known_groups, drawing.confidence)
    return {
        "value": value,
        "low": or_none(float(np.fmin(low, bounds[0]))),
        "high": or_none(float(np.fmax(high, bounds[1]))),
    }


def _shares(weights_RN: Floats, holds_KN: Booleans, asked_KN: Booleans) -> Floats:
    """Weighted shares, ``float64`` (R, K); NaN where nothing is asked."""
    parts, wholes = weights_RN @ holds_KN.T, weights_RN @ asked_KN.T
    shares = np.full(parts.shape, np.nan)
    np.divide(parts, wholes, out=shares, where=wholes > 0)
    return shares
