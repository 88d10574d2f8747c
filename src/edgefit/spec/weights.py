"""What a network starts from, as ``model.weights`` names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

IMAGENET: Final = "imagenet"
NOTHING: Final = "none"


@dataclass(frozen=True)
class WeightsSource:
    """The start of a training: torchvision's ImageNet weights, random weights, or a file.

    Attributes:
        text: ``imagenet``, ``none``, or a path.
    """

    text: str

    @property
    def is_random(self) -> bool:
        """Whether training starts from random weights."""
        return self.text == NOTHING

    @property
    def is_imagenet(self) -> bool:
        """Whether torchvision's ImageNet weights are meant."""
        return self.text == IMAGENET

    @property
    def file(self) -> Path | None:
        """The file of weights; None where none is named."""
        return None if self.is_random or self.is_imagenet else Path(self.text)
