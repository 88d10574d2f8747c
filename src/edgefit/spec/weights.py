"""The weights that training starts from, as ``model.weights`` names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

IMAGENET: Final = "imagenet"
NOTHING: Final = "none"


@dataclass(frozen=True)
class WeightsSource:
    """Where training starts: torchvision's ImageNet weights, random weights, or a file.

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
        """Whether training starts from torchvision's ImageNet weights."""
        return self.text == IMAGENET

    @property
    def file(self) -> Path | None:
        """The weights file; None where the source is not a file."""
        return None if self.is_random or self.is_imagenet else Path(self.text)
