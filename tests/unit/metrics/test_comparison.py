"""Two sets of outputs for the same images."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.metrics import METRICS, disagreement, paired_drop
from edgefit.records.figures import Figure


def _pair(images: int = 400, flips: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A right reference, and a candidate that is wrong on the first images."""
    truth = np.arange(images) % 2
    reference = np.where(np.eye(2)[truth] > 0, 0.9, 0.1)
    candidate = reference.copy()
    candidate[:flips] = candidate[:flips, ::-1]
    return reference, candidate, truth


def test_drop_is_the_difference_with_an_interval_around_it() -> None:
    found = paired_drop("accuracy", *_pair())
    assert found.value == pytest.approx(0.05)
    # 20 of 400 lost and none won: the standard error is sqrt(0.05 * 0.95 / 400).
    assert found.low == pytest.approx(0.05 - 1.96 * 0.0109, abs=0.006)
    assert found.high == pytest.approx(0.05 + 1.96 * 0.0109, abs=0.006)


def test_gain_is_a_negative_drop() -> None:
    reference, candidate, truth = _pair()
    found = paired_drop("accuracy", candidate, reference, truth)
    assert found.value == pytest.approx(-0.05)
    assert found.high < 0


@pytest.mark.parametrize("name", list(METRICS))
def test_identical_outputs_drop_nothing(name: str) -> None:
    reference, _, truth = _pair()
    assert paired_drop(name, reference, reference, truth, resamples=50) == Figure(
        value=0.0, low=0.0, high=0.0
    )


def test_pairing_is_narrower_than_two_apart() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 500)
    score = np.clip(0.5 + 0.15 * (2 * truth - 1) + 0.3 * generator.normal(size=500), 0, 1)
    reference = np.stack([1 - score, score], axis=1)
    nudged = np.clip(score + 0.005 * generator.normal(size=500), 0, 1)
    candidate = np.stack([1 - nudged, nudged], axis=1)
    paired = paired_drop("accuracy", reference, candidate, truth, resamples=300)
    own_error = np.sqrt(0.3 * 0.7 / 500)
    assert paired.high - paired.low < own_error


def test_errors_in_few_groups_widen_the_interval() -> None:
    groups = np.repeat(np.arange(20), 20)
    apart = paired_drop("accuracy", *_pair())
    together = paired_drop("accuracy", *_pair(), groups)
    assert together.high - together.low > 2 * (apart.high - apart.low)


def test_undefined_metric_gives_none() -> None:
    reference, candidate, _ = _pair()
    truth = np.zeros(400, dtype=int)
    found = paired_drop("roc_auc", reference, candidate, truth, resamples=20)
    assert found == Figure(value=None, low=None, high=None)


def test_unknown_metric_and_other_shapes_are_refused() -> None:
    reference, candidate, truth = _pair()
    with pytest.raises(InputError, match="No such metric") as caught:
        paired_drop("acuracy", reference, candidate, truth)
    assert "balanced_accuracy" in str(caught.value.expected)
    with pytest.raises(InputError):
        paired_drop("accuracy", reference, candidate[:-1], truth)
    with pytest.raises(InputError, match="do not fit each other"):
        paired_drop("accuracy", reference, np.full((400, 3), 1 / 3), truth)


def test_disagreement_lists_flips_with_the_references_margins() -> None:
    reference = np.array([[0.50, 0.48, 0.02], [0.9, 0.05, 0.05], [0.2, 0.7, 0.1]], np.float32)
    candidate = np.array([[0.47, 0.51, 0.02], [0.9, 0.05, 0.05], [0.5, 0.4, 0.1]], np.float32)
    found = disagreement(reference, candidate)
    assert found.top1_flips == 2
    assert found.flip_indices == (0, 2)
    assert found.margins == pytest.approx([0.02, 0.5])
    assert found.max_abs_difference == pytest.approx(0.3)
    assert found.mean_abs_difference == pytest.approx(0.66 / 9)


def test_disagreement_of_equals_is_nothing() -> None:
    reference, _, _ = _pair()
    found = disagreement(reference, reference)
    assert (found.top1_flips, found.margins, found.max_abs_difference) == (0, (), 0.0)


def test_disagreement_never_passes_nan_over() -> None:
    reference, candidate, _ = _pair()
    candidate[3, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        disagreement(reference, candidate)
