"""Novelty: pictures unlike all classes score higher, whatever the length of their features."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.operating.novelty import class_prototypes, novelty_scores, novelty_threshold

CENTRES = np.eye(3, 8) * 4


def features(seed: int) -> tuple[np.ndarray, np.ndarray]:
    targets_N = np.arange(90) % 3
    rng = np.random.default_rng(seed)
    return CENTRES[targets_N] + rng.normal(0, 0.5, (90, 8)), targets_N


def test_known_pictures_score_low_and_others_high() -> None:
    prototypes_CF = class_prototypes(*features(0), 3)
    assert prototypes_CF.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(prototypes_CF, axis=1), 1, atol=1e-6)
    known_N = novelty_scores(features(1)[0], prototypes_CF)
    other_N = novelty_scores(np.tile(np.eye(8)[5] * 4, (10, 1)), prototypes_CF)
    assert known_N.dtype == np.float32
    assert known_N.max() < 0.3 < other_N.min()
    threshold = novelty_threshold(known_N, 0.99)
    assert (known_N > threshold).mean() <= 0.02
    assert (other_N > threshold).all()


def test_length_does_not_matter_and_nothing_is_out_of_range() -> None:
    prototypes_CF = class_prototypes(*features(0), 3)
    rows_NF = features(1)[0]
    np.testing.assert_allclose(
        novelty_scores(rows_NF, prototypes_CF),
        novelty_scores(rows_NF * 50, prototypes_CF),
        atol=1e-5,
    )
    extremes = novelty_scores(np.stack([np.zeros(8), -CENTRES[0]]), prototypes_CF)
    assert np.isfinite(extremes).all()
    assert extremes.min() >= 0 and extremes.max() <= 2


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="no image"):
        class_prototypes(*features(0), 4)
    with pytest.raises(InputError, match="do not fit"):
        novelty_scores(np.zeros((2, 7)), class_prototypes(*features(0), 3))
