"""A torch network small enough to export in a second, trained to tell four colours apart."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgefit.export.metadata import ModelMetadata
from edgefit.spec import CLASSIFICATION, InputSpec, LabelMap
from edgefit.train.network import EdgeNetwork

LABELS = LabelMap(("red", "green", "blue", "light grey"))
SPEC = InputSpec(32, 32)
METADATA = ModelMetadata("tiny", CLASSIFICATION, LABELS, SPEC, 1.5)
_COLOURS = ((190, 70, 70), (70, 190, 70), (70, 70, 190), (170, 170, 170))


def colour_frames(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Noisy frames ``uint8`` (N, 32, 32, 3) and their classes ``int64`` (N,), evenly spread."""
    rng = np.random.default_rng(seed)
    targets_N = np.arange(count, dtype=np.int64) % len(_COLOURS)
    plain = np.array(_COLOURS)[targets_N][:, None, None, :] + rng.normal(0, 12, (count, 1, 1, 3))
    frames = plain + rng.normal(0, 30, (count, *SPEC.shape_HWC))
    return np.clip(frames, 0, 255).astype(np.uint8), targets_N


def tiny_backbone() -> nn.Module:
    """Three convolutions: (N, 3, H, W) to features (N, 16)."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def tiny_network(*, steps: int = 40, classes: int = len(LABELS)) -> EdgeNetwork:
    """The network in eval mode after ``steps`` of training, the same at each call."""
    torch.manual_seed(0)
    network = EdgeNetwork(tiny_backbone(), nn.Linear(16, classes), SPEC)
    frames_NHWC, targets_N = colour_frames(64, seed=0)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(steps):
        logits_NC = network.logits(torch.from_numpy(frames_NHWC))
        loss = nn.functional.cross_entropy(logits_NC, torch.from_numpy(targets_N))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.temperature.fill_(METADATA.temperature)
    return network.eval()


def answers(network: EdgeNetwork, frames_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities ``float32`` (N, C)."""
    with torch.inference_mode():
        return network(torch.from_numpy(frames_NHWC))["probabilities"].numpy()
