"""How far confidence lies from the chance of being right, with its interval."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.metrics import evaluate
from edgefit.metrics.reliability import calibration
from edgefit.operating.temperature import softmax


def honest(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose softmax is the chance of each class, and classes drawn by it."""
    rng = np.random.default_rng(seed)
    logits_NC = rng.normal(0, 2, (count, 5))
    draws_N = rng.random((count, 1))
    return logits_NC, (softmax(logits_NC).cumsum(axis=1) < draws_N).sum(axis=1)


def test_the_error_falls_and_lies_in_its_interval() -> None:
    logits_NC, targets_N = honest(1500, seed=3)
    options = {"groups_N": np.arange(1500) // 5, "resamples": 200}
    before = calibration(softmax(logits_NC * 3), targets_N, **options)
    after = calibration(softmax(logits_NC), targets_N, **options)
    for _, figure in (*before, *after):
        assert figure.low <= figure.value <= figure.high
    assert after.expected_calibration_error.lies_below(before.expected_calibration_error)
    assert after.negative_log_likelihood.lies_below(before.negative_log_likelihood)


@pytest.mark.parametrize("images_a_group", [1, 6, 60])
def test_both_reports_give_one_interval_around_the_error(images_a_group: int) -> None:
    generator = np.random.default_rng(images_a_group)
    targets_N = generator.integers(0, 3, 360)
    scores_NC = softmax(4 * np.eye(3)[targets_N] + generator.normal(size=(360, 3)))
    groups_N = np.arange(360) // images_a_group
    figure = calibration(scores_NC, targets_N, groups_N=groups_N).expected_calibration_error
    report = evaluate(scores_NC, targets_N, "abc", groups_N=groups_N)
    same = report.metrics["expected_calibration_error"]
    assert figure.to_json() == pytest.approx(same.to_json())
    assert figure.low <= figure.value <= figure.high
