"""Split-conformal prediction: the coverage is kept, or the request is refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import GateError
from edgefit.operating.conformal import conformal_quantile, groups_needed, prediction_sets


def answers(
    count: int, seed: int, classes: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    logits_NC = rng.normal(0, 1.5, (count, classes))
    probabilities_NC = np.exp(logits_NC) / np.exp(logits_NC).sum(axis=1, keepdims=True)
    draws_N = rng.random((count, 1))
    return probabilities_NC, (probabilities_NC.cumsum(axis=1) < draws_N).sum(axis=1)


@pytest.mark.parametrize("coverage", [0.7, 0.9, 0.99])
def test_new_images_are_covered_as_often_as_stated(coverage: float) -> None:
    test_NC, truth_N = answers(5000, seed=1000)
    found = []
    for seed in range(60):
        quantile = conformal_quantile(*answers(200, seed), coverage)
        found.append(prediction_sets(test_NC, quantile)[np.arange(5000), truth_N].mean())
    assert np.mean(found) == pytest.approx(coverage, abs=0.012)


def test_it_is_the_corrected_quantile() -> None:
    misfit = np.arange(1, 20) / 20  # 19 images
    probabilities_NC = np.stack([1 - misfit, misfit], axis=1)
    quantile = conformal_quantile(probabilities_NC, np.zeros(19, dtype=np.int64), 0.9)
    assert quantile == pytest.approx(misfit[17])  # the 18th of 19: ceil(20 * 0.9)


def test_too_small_a_validation_is_refused_with_the_number_that_would_do() -> None:
    assert groups_needed(0.95) == 19
    conformal_quantile(*answers(19, 0), 0.95)
    with pytest.raises(GateError, match="too small") as caught:
        conformal_quantile(*answers(18, 0), 0.95)
    assert caught.value.key == "operating.coverage"
    assert "19" in str(caught.value.expected)


def test_groups_are_counted_not_images() -> None:
    probabilities_NC, truth_N = answers(180, 0)
    with pytest.raises(GateError, match="18 groups"):
        conformal_quantile(probabilities_NC, truth_N, 0.95, groups_N=np.arange(180) // 10)
    few = conformal_quantile(probabilities_NC, truth_N, 0.8, groups_N=np.arange(180) // 10)
    assert few >= conformal_quantile(probabilities_NC, truth_N, 0.8)


def test_a_probability_at_the_bound_is_inside() -> None:
    row_NC = np.array([[0.7, 0.2, 0.1]], np.float32)
    assert prediction_sets(row_NC, 0.3).tolist() == [[True, False, False]]
    assert prediction_sets(row_NC, 0.2).tolist() == [[False, False, False]]
    assert prediction_sets(row_NC, 0.8).tolist() == [[True, True, False]]
