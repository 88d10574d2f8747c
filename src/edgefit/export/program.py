"""Capture the trained network once; all exported files come from this one program.

The capture uses torch's default memory order. With channels-last tensors, torch.export writes
global average pooling as an indexed copy (``as_strided``). That adds six operators to every graph,
and OpenVINO then loses a change of colour order that is put before it (found with model-api).
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
    """A network that returns its outputs and, last, the features (N, F) behind them."""

    def answers(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """Outputs and features by name, for frames ``uint8`` (N, H, W, 3)."""
        ...


class WithFeatures(nn.Module):
    """A network whose graph has the features as an additional output.

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
    """Names of a captured program's outputs, in order: the task's, then the features."""
    names = [output.name for output in (*OUTPUTS[task], FEATURE_VECTOR)]
    return names[: len(program.graph_signature.user_outputs)]


def capture(network: nn.Module, spec: InputSpec, *, features: bool = False) -> Any:
    """Trace a network with a free batch size (``torch.export``).

    Args:
        network: Takes ``uint8`` (N, H, W, 3), returns ``float32`` (N, C); in eval mode.
        spec: States H and W.
        features: Add the features as an output; the network must be :class:`Answering`.

    Returns:
        A ``torch.export.ExportedProgram``.

    Raises:
        StageError: The network cannot be captured.
    """
    # two frames, because torch.export treats a dimension of size one as a constant
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
            remedy="choose a backbone from the catalogue and an input size that its card allows",
        ) from error
