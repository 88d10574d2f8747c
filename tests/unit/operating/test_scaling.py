"""A temperature is applied only where it does not raise the calibration error."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.operating.scaling import choose_temperature
from edgefit.operating.temperature import softmax

Logits = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


def honest(images: int, sharpness: float = 1.0, seed: int = 0) -> Logits:
    """Logits whose softmax is the chance of being right, times a sharpness; single groups."""
    rng = np.random.default_rng(seed)
    logits_NC = rng.normal(0, 2, (images, 3))
    chances_NC = softmax(logits_NC)
    targets_N = (rng.random((images, 1)) > chances_NC.cumsum(axis=1)).sum(axis=1)
    return logits_NC * sharpness, targets_N.clip(0, 2), np.arange(images)


def timid_with_two_confident_mistakes() -> Logits:
    """100 answers at 90 %, of which 90 are right, and two at certainty that are wrong.

    The likelihood wants those two to be less certain, at the cost of all others.
    """
    logits_NC = np.zeros((102, 2))
    logits_NC[:100, 0] = np.log(9)
    logits_NC[100:, 0] = 60.0
    targets_N = np.zeros(102, dtype=np.int64)
    targets_N[:100:10] = 1
    targets_N[100:] = 1
    return logits_NC, targets_N, np.arange(102)


def test_logits_that_are_too_sharp_are_cooled() -> None:
    found = choose_temperature(*honest(2000, sharpness=3.0))
    assert found.applied and found.reason is None
    assert found.fitted == pytest.approx(3, rel=0.15)
    assert found.error_left_out is not None
    assert max(found.error_fitted, found.error_left_out) < found.error_unscaled / 2


def test_a_temperature_that_raises_the_calibration_error_is_not_applied() -> None:
    found = choose_temperature(*timid_with_two_confident_mistakes())
    assert found.fitted > 2
    assert found.error_fitted > 5 * found.error_unscaled
    assert not found.applied
    assert found.reason is not None
    shown = f"from {100 * found.error_unscaled:.2f} to {100 * found.error_fitted:.2f} points"
    assert shown in found.reason
    assert "fitted on" in found.reason


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("images", [12, 40, 200])
def test_what_is_applied_never_raises_either_error(images: int, seed: int) -> None:
    found = choose_temperature(*honest(images, seed=seed))
    errors = [found.error_fitted, found.error_left_out or 0.0]
    assert found.applied == (max(errors) <= found.error_unscaled)
    assert found.applied == (found.reason is None)


def test_a_gain_on_the_images_of_the_fit_alone_does_not_count() -> None:
    refused = [choose_temperature(*honest(40, seed=seed)) for seed in range(40)]
    in_sample_only = [r for r in refused if r.error_fitted <= r.error_unscaled and not r.applied]
    assert in_sample_only, "no seed shows the case"
    assert all("left out of the fit" in str(r.reason) for r in in_sample_only)


def test_images_of_one_group_are_not_held_against_each_other() -> None:
    logits_NC, targets_N, _ = honest(300, sharpness=3.0)
    found = choose_temperature(logits_NC, targets_N, np.zeros(300, dtype=np.int64))
    assert found.error_left_out is None
    assert found.applied
    twins = choose_temperature(
        np.repeat(logits_NC, 2, axis=0), np.repeat(targets_N, 2), np.repeat(np.arange(300), 2)
    )
    alone = choose_temperature(logits_NC, targets_N, np.arange(300))
    assert twins.error_left_out == pytest.approx(alone.error_left_out, abs=1e-9)


def test_logits_that_are_not_finite_are_refused() -> None:
    logits_NC, targets_N, groups_N = honest(10)
    logits_NC[3, 1] = np.nan
    with pytest.raises(InputError):
        choose_temperature(logits_NC, targets_N, groups_N)
