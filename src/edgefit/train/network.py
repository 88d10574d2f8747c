"""The trained network, with the signature that every exported graph has.

``uint8`` (N, H, W, 3) RGB in, ``float32`` (N, C) probabilities out; normalisation, layout, head,
temperature and softmax are inside. So there is nothing to forget at export.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgefit.spec import InputSpec


class EdgeNetwork(nn.Module):
    """Backbone and head behind the input contract.

    Args:
        backbone: Takes ``float32`` (N, 3, H, W), normalised; gives features (N, F).
        head: Takes features (N, F); gives what its task calls logits (N, C).
        spec: The input contract; its mean and std become part of the graph.

    Attributes:
        temperature: Scalar buffer that divides the logits (Guo et al. 2017); 1 until calibrated.
    """

    mean_255: Tensor
    std_255: Tensor
    temperature: Tensor

    def __init__(self, backbone: nn.Module, head: nn.Module, spec: InputSpec) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.spec = spec
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
        """Logits (N, C) before temperature and softmax."""
        logits_NC: Tensor = self.head(self.features(frames_NHWC))
        return logits_NC

    def forward(self, frames_NHWC: Tensor) -> Tensor:
        """Probabilities ``float32`` (N, C) of frames ``uint8`` (N, H, W, 3)."""
        return torch.softmax(self.logits(frames_NHWC) / self.temperature, dim=1)

    def outputs(self, frames_NHWC: Tensor) -> dict[str, Tensor]:
        """All that the network gives: ``probabilities``, ``logits`` and ``feature_vector``."""
        features_NF = self.features(frames_NHWC)
        logits_NC = self.head(features_NF)
        probabilities_NC = torch.softmax(logits_NC / self.temperature, dim=1)
        return {
            "probabilities": probabilities_NC,
            "logits": logits_NC,
            "feature_vector": features_NF,
        }

    def answers(self, frames_NHWC: Tensor) -> tuple[Tensor, Tensor]:
        """What :meth:`forward` gives, and the features (N, F) that it was made from."""
        features_NF = self.features(frames_NHWC)
        logits_NC = self.head(features_NF)
        return torch.softmax(logits_NC / self.temperature, dim=1), features_NF
