"""The loop of all that measures: every output, in order, without gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edgefit.train.over_frames import over_frames


def test_outputs_are_joined_in_order_and_progress_counts_frames() -> None:
    frames_NHWC = np.arange(7, dtype=np.uint8).reshape(7, 1, 1, 1)
    weight = torch.ones((), requires_grad=True)

    def compute(batch: Tensor) -> dict[str, Tensor]:
        level_N = batch.float().mean((1, 2, 3)) * weight
        assert not level_N.requires_grad
        return {"level": level_N, "twice": torch.stack([level_N, level_N], dim=1)}

    done: list[int] = []
    found = over_frames(compute, np.array_split(frames_NHWC, 3), done.append)
    assert list(found) == ["level", "twice"]
    np.testing.assert_array_equal(found["level"], np.arange(7))
    assert found["twice"].shape == (7, 2)
    assert done == [3, 2, 2]
