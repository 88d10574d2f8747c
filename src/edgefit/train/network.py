"""The trained network, with the signature that every exported graph has.

It takes ``uint8`` (N, H, W, 3) RGB and returns the task's outputs by name, for classification
``probabilities`` ``float32`` (N, C). Normalisation, layout, head, temperature and softmax are part
of the network, so an export cannot leave one out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from edgefit.spec import FEATURE_VECTOR, PROBABILITIES, InputSpec
from edgefit.train.backbones.taps import feature_maps

LOGITS = "logits"
"""Name of the head's result among all outputs."""

Readout = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""``(head's result, temperature) -> outputs by name``, in the order of the task's outputs."""


def softmax_readout(logits_NC: Tensor, temperature: Tensor) -> dict[str, Tensor]:
    """Classification: ``probabilities`` ``float32`` (N, C)."""
    return {PROBABILITIES.name: torch.softmax(logits_NC / temperature, dim=1)}


class EdgeNetwork(nn.Module):
    """Backbone and head behind the input contract.

    Args:
        backbone: Takes ``float32`` (N, 3, H, W), normalised; returns features (N, F).
        head: Takes features (N, F) and, with ``taps``, the feature maps. It returns what the
            task's loss and readout take, for classification logits (N, C).
        spec: The input contract; its mean and std become part of the graph.
        readout: Turns the head's result into the outputs; a plain function of the task.
        taps: Modules of the backbone whose feature maps (N, c, h, w) the head takes too, in this
            order.

    Attributes:
        temperature: Scalar buffer that divides the logits (Guo et al. 2017); 1 until calibrated.
    """

    mean_255: Tensor
    std_255: Tensor
    temperature: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        head: nn.Module,
        spec: InputSpec,
        *,
        readout: Readout = softmax_readout,
        taps: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.spec = spec
        self.readout = readout
        self.taps = tuple(taps)
        as_image = (1, 3, 1, 1)
        self.register_buffer("mean_255", torch.tensor(spec.mean).mul(255).reshape(as_image))
        self.register_buffer("std_255", torch.tensor(spec.std).mul(255).reshape(as_image))
        self.register_buffer("temperature", torch.ones(()))

    def normalise(self, frames_NHWC: Tensor) -> Tensor:
        """``uint8`` (N, H, W, 3) to normalised ``float32`` (N, 3, H, W)."""
        # permute of an NHWC tensor is channels_last already: no copy, and the fast path on CPU
        images_NCHW = frames_NHWC.permute(0, 3, 1, 2).to(torch.float32)
        if torch.compiler.is_exporting():
            images_NCHW = images_NCHW.contiguous()  # see edgefit.export.program
        return (images_NCHW - self.mean_255) / self.std_255

    def features(self, frames_NHWC: Tensor) -> Tensor:
        """Features (N, F)."""
        features_NF: Tensor = self.backbone(self.normalise(frames_NHWC))
        return features_NF

    def logits(self, frames_NHWC: Tensor) -> Tensor:
        """The head's result; for classification (N, C), before temperature and softmax."""
        return self._features_and_logits(frames_NHWC)[1]

    def forward(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """Outputs by name of frames ``uint8`` (N, H, W, 3), in the order of the task's outputs."""
        return self.readout(self.logits(frames_NHWC), self.temperature)

    def outputs(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """The outputs of :meth:`forward`, then ``logits``, then the features (N, F)."""
        features_NF, logits = self._features_and_logits(frames_NHWC)
        outputs = self.readout(logits, self.temperature)
        return outputs | {LOGITS: logits, FEATURE_VECTOR.name: features_NF}

    def answers(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """The outputs of :meth:`forward`, then the features (N, F) as ``feature_vector``."""
        features_NF, logits = self._features_and_logits(frames_NHWC)
        return self.readout(logits, self.temperature) | {FEATURE_VECTOR.name: features_NF}

    def _features_and_logits(self, frames_NHWC: Tensor) -> tuple[Tensor, Tensor]:
        if not self.taps:
            features_NF = self.features(frames_NHWC)
            return features_NF, self.head(features_NF)
        images_NCHW = self.normalise(frames_NHWC)
        features_NF, maps = feature_maps(self.backbone, self.taps, images_NCHW)
        return features_NF, self.head(features_NF, *maps)
