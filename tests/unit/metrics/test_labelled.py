"""Outputs beside the truth: parts of them, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.metrics.labelled import LabelledOutputs
from edgefit.spec import ClassTruth, LabelMap


def labelled() -> LabelledOutputs:
    return LabelledOutputs(
        {"probabilities": np.eye(2, dtype=np.float32)[[0, 1, 1]], "novelty": np.arange(3.0)},
        [ClassTruth(0), ClassTruth(1), ClassTruth(0)],
        LabelMap(("good", "hole")),
        np.array(["a", "a", "b"]),
    )


def test_a_part_keeps_outputs_truth_and_groups_together() -> None:
    part = labelled().where(np.array([False, True, True]))
    assert part.outputs["novelty"].tolist() == [1, 2]
    assert part.outputs["probabilities"].tolist() == [[0, 1], [0, 1]]
    assert part.truth == [ClassTruth(1), ClassTruth(0)]
    assert part.groups_N.tolist() == ["a", "b"]
    assert len(part) == 2


def test_values_of_a_column_are_sorted_and_lose_no_image() -> None:
    parts = labelled().by(np.array(["right", "left", "right"]))
    assert {value: len(part) for value, part in parts.items()} == {"left": 1, "right": 2}
    assert list(parts) == ["left", "right"]


def test_a_column_of_other_images_is_refused() -> None:
    with pytest.raises(InputError, match="does not fit"):
        labelled().by(np.array(["left"]))
