"""Frames in memory, a reporter that listens, and an engine that plays OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from edgefit.progress import Reporter
from edgefit.spec import Frame
from edgefit.train.features.engines import (
    TorchEngine,
)
from edgefit.train.network import EdgeNetwork


@dataclass
class Pictures:
    """Frames in memory; counts nothing, reads nothing."""

    frames_NHWC: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.frames_NHWC)

    def frame(self, index: int) -> Frame:
        return self.frames_NHWC[index]

    def take(self, indices: Sequence[int]) -> Pictures:
        return Pictures(self.frames_NHWC[list(indices)])


@dataclass
class Ear(Reporter):
    """Keeps the warnings."""

    heard: list[str] = field(default_factory=list)
    quiet: bool = True

    def __post_init__(self) -> None:
        super().__init__(quiet=True, console=Console(quiet=True))

    def warn(self, text: str) -> None:
        self.heard.append(text)


class FakeEngine:
    """Plays OpenVINO: torch's numbers times a factor."""

    name = "openvino"

    def __init__(self, network: EdgeNetwork, size: tuple[int, int], factor: float = 1.0) -> None:
        self.inner = TorchEngine(network)
        self.size = size
        self.factor = factor

    def features(self, frames_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.inner.features(frames_NHWC) * np.float32(self.factor)
