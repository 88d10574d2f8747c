"""Truths are facts of one image: they cannot be changed, and are told apart by their type."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from edgefit.spec import BoxTruth, ClassTruth, GoodTruth, MaskTruth, Truth

TRUTHS: list[Truth] = [
    ClassTruth(2),
    GoodTruth(False, np.eye(3, dtype=np.bool_)),
    BoxTruth(np.zeros((0, 4), np.float32), np.zeros(0, np.int64)),
    MaskTruth(np.full((2, 3), -1)),
]


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: type(truth).__name__)
def test_a_truth_cannot_be_changed(truth: Truth) -> None:
    (name, *_) = truth.__dataclass_fields__
    with pytest.raises(FrozenInstanceError):
        setattr(truth, name, None)


def test_truths_compare_without_comparing_arrays() -> None:
    assert ClassTruth(2) == ClassTruth(2) != ClassTruth(1)
    for truth in TRUTHS[1:]:
        assert sum(truth == other for other in TRUTHS) == 1
    assert GoodTruth(True).defect_HW is None
