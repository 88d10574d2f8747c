"""Temperature scaling: the right one is found, and none runs away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.operating.temperature import HIGHEST, fit_temperature, softmax


def honest(count: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose softmax is the chance of each class, and classes drawn by it."""
    rng = np.random.default_rng(seed)
    logits_NC = rng.normal(0, 2, (count, 5))
    draws_N = rng.random((count, 1))
    return logits_NC, (softmax(logits_NC).cumsum(axis=1) < draws_N).sum(axis=1)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_it_finds_the_temperature_that_was_put_in(true: float) -> None:
    logits_NC, targets_N = honest(8000, seed=1)
    assert fit_temperature(logits_NC * true, targets_N) == pytest.approx(true, rel=0.05)


def test_no_other_temperature_has_a_smaller_loss() -> None:
    logits_NC, targets_N = honest(3000, seed=2)
    best = fit_temperature(logits_NC * 2, targets_N)

    def loss(temperature: float) -> float:
        rows = softmax(logits_NC * 2, temperature)
        return float(-np.log(rows[np.arange(3000), targets_N]).mean())

    assert loss(best) <= min(loss(best * 0.93), loss(best * 1.07), loss(1.0))


def test_without_an_error_confidence_stays_below_certainty() -> None:
    logits_NC = np.tile([3.0, 0.0, -20.0], (98, 1))
    temperature = fit_temperature(logits_NC, np.zeros(98, dtype=np.int64))
    assert softmax(logits_NC, temperature)[0, 0] == pytest.approx(0.99, abs=0.002)


def test_useless_logits_go_to_the_bound() -> None:
    rng = np.random.default_rng(0)
    logits_NC = rng.normal(0, 500, (500, 3))
    assert fit_temperature(logits_NC, rng.integers(0, 3, 500)) == pytest.approx(HIGHEST, rel=1e-6)


def test_logits_that_are_not_finite_are_refused() -> None:
    logits_NC = np.zeros((4, 2))
    logits_NC[2, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        fit_temperature(logits_NC, np.array([0, 1, 0, 1]))
