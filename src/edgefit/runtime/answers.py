"""An answer: a frame, what the predictor said of it, and what a plant must know beside that."""

from __future__ import annotations

from dataclasses import dataclass

from edgefit.runtime.sources.source import SourceFrame
from edgefit.spec import Prediction


@dataclass(frozen=True)
class Origin:
    """What answered.

    Attributes:
        bundle: Hash of the bundle's manifest.
        variant: Engine and precision.
    """

    bundle: str
    variant: str


@dataclass(frozen=True)
class Region:
    """A part of a frame that was answered by itself.

    Attributes:
        name: Of the station or tile.
        x: Pixels from the left edge of the frame.
        y: Pixels from its top edge.
        width: Pixels.
        height: Pixels.
    """

    name: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Answer:
    """A frame with its prediction.

    Attributes:
        frame: The frame, or why it is missing.
        prediction: None where the frame has an error.
        origin: What answered; None where a plain function did.
        region: The part of the frame that was answered; None for the whole frame.
        age_s: Seconds from the frame's arrival to its answer.
        took_s: Seconds to decode, preprocess and predict it.
    """

    frame: SourceFrame
    prediction: Prediction | None
    origin: Origin | None = None
    region: Region | None = None
    age_s: float = 0.0
    took_s: float = 0.0
