"""Capture the trained network once; every exported file is made from this one program.

It is captured in torch's plain memory order. Where tensors lie channels-last, torch.export writes
global average pooling as an indexed copy (``as_strided``): six more operators in every graph, which
also make OpenVINO lose a change of colour order that is put before it (found with model-api).
"""

from __future__ import annotations

import copy
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from edgefit.errors import StageError
from edgefit.spec import FEATURE_VECTOR, OUTPUTS, InputSpec, Task

INPUT_NAME = "frames"


class Answering(Protocol):
    """A network that gives its outputs, and last the features (N, F) they were made from."""

    def answers(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """All by name, of frames ``uint8`` (N, H, W, 3)."""
        ...


class WithFeatures(nn.Module):
    """A network whose features are a second output of its graph.

    Args:
        network: A module that is :class:`Answering`.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """The outputs by name, and the features ``float32`` (N, F)."""
        return cast(Answering, self.network).answers(frames_NHWC)


def output_names(program: Any, task: Task) -> list[str]:
    """Names of a captured program's outputs in their order: the task's, then the features."""
    names = [output.name for output in (*OUTPUTS[task], FEATURE_VECTOR)]
    return names[: len(program.graph_signature.user_outputs)]


def capture(network: nn.Module, spec: InputSpec, *, features: bool = False) -> Any:
    """Trace a network with a free batch size (``torch.export``).

    Args:
        network: Takes ``uint8`` (N, H, W, 3), gives ``float32`` (N, C); in eval mode.
        spec: Gives H and W.
        features: Give the features as a second output; the network is :class:`Answering`.

    Returns:
        A ``torch.export.ExportedProgram``.

    Raises:
        StageError: The network cannot be captured.
    """
    # two frames, because torch.export takes a dimension of size one for a constant
    frames_NHWC = torch.zeros((2, *spec.shape_HWC), dtype=torch.uint8)
    plain = copy.deepcopy(network).eval().cpu().to(memory_format=torch.contiguous_format)
    if features:
        plain = WithFeatures(plain).eval()
    try:
        with torch.no_grad():
            return torch.export.export(
                plain,
                (frames_NHWC,),
                dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            )
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:
        raise StageError(
            "The network cannot be captured for export.",
            found=str(error).splitlines()[0][:300],
            remedy="choose a backbone of the catalogue at an input size its card allows",
        ) from error
