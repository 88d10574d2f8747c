"""Capturing the network: a free batch, the network left as it was, and no wasteful operators."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from edgefit.errors import StageError
from edgefit.export.program import capture
from tests.tiny_network import SPEC
from tests.unit.conftest import Exported


@pytest.mark.parametrize("batch", [1, 3])
def test_the_program_answers_as_the_network_at_any_batch(exported: Exported, batch: int) -> None:
    frames_NHWC = exported.frames_NHWC[:batch]
    with torch.no_grad():
        found = exported.program.module()(torch.from_numpy(frames_NHWC))
    assert list(found) == ["probabilities"]
    np.testing.assert_allclose(
        found["probabilities"].numpy(), exported.reference_NC[:batch], atol=1e-6
    )


def test_the_network_keeps_its_memory_order(exported: Exported) -> None:
    weight = exported.network.backbone.get_submodule("3").weight
    assert isinstance(weight, Tensor)
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_pooling_is_one_operator_and_norms_are_folded(exported: Exported) -> None:
    operators = Counter(n.op_type for n in onnx.load(exported.paths["onnxruntime/fp32"]).graph.node)
    assert operators["ReduceMean"] + operators["GlobalAveragePool"] == 1
    assert not {"Gather", "Range", "Shape", "BatchNormalization"} & set(operators)


class _Undecided(nn.Module):
    def forward(self, frames: Tensor) -> Tensor:
        if frames.float().mean() > 3:
            return frames.float()
        return -frames.float()


def test_what_cannot_be_captured_is_a_stage_error() -> None:
    with pytest.raises(StageError, match="cannot be captured") as caught:
        capture(_Undecided(), SPEC)
    assert caught.value.remedy
