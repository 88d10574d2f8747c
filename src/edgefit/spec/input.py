"""How a frame becomes a network's input: one contract for training and device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError

Frame = NDArray[np.uint8]
"""One frame: ``uint8`` (H, W, 3), RGB."""


class Aspect(StrEnum):
    """How a frame with another aspect ratio is fitted to the input."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CROP = "crop"


class Enlarge(StrEnum):
    """How pixels are interpolated where a frame is smaller than the input.

    ``bilinear`` reads 2 x 2 pixels. ``lanczos`` reads 8 x 8: edges are sharper, and it takes more
    time. OpenCV's cubic is left out because its pixels differ with and without Intel's IPP.
    """

    BILINEAR = "bilinear"
    LANCZOS = "lanczos"


class JpegDecode(StrEnum):
    """``exact``: every pixel is decoded. ``scaled``: large JPEG files are shrunk while decoding."""

    EXACT = "exact"
    SCALED = "scaled"


class Damaged(StrEnum):
    """``refuse``: a damaged image is an error. ``warn``: what is left is read, with a note."""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True)
class InputSpec:
    """How a frame becomes the network's input. Training and the device use the same object; only
    training images may be enlarged differently (``train.enlarge``).

    >>> import edgefit
    >>> edgefit.InputSpec(width=160, height=120).shape_HWC
    (120, 160, 3)

    Attributes:
        width: Input width in pixels.
        height: Input height in pixels.
        aspect: Policy for frames of another aspect ratio.
        pad_value: Grey level (0-255) of letterbox borders.
        jpeg_decode: Whether large JPEG files may be shrunk while decoding.
        mean: Per-channel RGB mean that the graph subtracts, on the [0, 1] scale.
        std: Per-channel RGB standard deviation that the graph divides by, on the [0, 1] scale.
        enlarge: Interpolation where a frame is smaller than the input.
        damaged: Whether an image that is damaged inside is refused.
        bits: How many of their 16 bits images and arrays use that do not state it, 9 to 16.
        max_pixels: Images of more pixels are refused by their header, before they take memory.
    """

    width: int
    height: int
    aspect: Aspect = Aspect.STRETCH
    pad_value: int = 114
    jpeg_decode: JpegDecode = JpegDecode.EXACT
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    enlarge: Enlarge = Enlarge.BILINEAR
    damaged: Damaged = Damaged.REFUSE
    bits: int = 16
    max_pixels: int = 100_000_000

    def __post_init__(self) -> None:
        if not (8 <= self.width <= 4096 and 8 <= self.height <= 4096):
            raise InputError(
                "The input size is out of range.",
                key="input",
                expected="8 to 4096 pixels a side",
                found=f"{self.width}x{self.height}",
            )
        if not 0 <= self.pad_value <= 255:
            raise InputError(
                "pad_value is not a grey level.",
                key="input.pad_value",
                expected="0 to 255",
                found=self.pad_value,
            )
        if not 9 <= self.bits <= 16:
            raise InputError(
                "bits does not fit pixels of 16 bits.",
                key="input.bits",
                expected="9 to 16",
                found=self.bits,
            )
        if self.max_pixels < 1:
            raise InputError(
                "max_pixels allows no image.",
                key="input.max_pixels",
                expected="at least 1",
                found=self.max_pixels,
            )

    @property
    def shape_HWC(self) -> tuple[int, int, int]:
        """Shape of one preprocessed frame."""
        return (self.height, self.width, 3)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; :meth:`from_dict` reads it back."""
        facts = asdict(self)
        facts["aspect"] = str(self.aspect)
        facts["enlarge"] = str(self.enlarge)
        facts["damaged"] = str(self.damaged)
        facts["jpeg_decode"] = str(self.jpeg_decode)
        facts["mean"], facts["std"] = list(self.mean), list(self.std)
        return facts | {"colour_order": "RGB", "layout": "NHWC", "dtype": "uint8"}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Self:
        """Read :meth:`to_dict`'s form.

        Raises:
            InputError: A key is missing, or this release does not support the contract.
        """
        fixed = {"colour_order": "RGB", "layout": "NHWC", "dtype": "uint8"}
        unknown = sorted(set(facts) - set(fixed) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(
                "This edgefit release does not support the input contract.",
                key=f"input.{unknown[0]}",
                expected="only keys that this release knows",
                found=facts[unknown[0]],
                remedy="install the edgefit release that wrote it",
            )
        for key, value in fixed.items():
            if facts.get(key, value) != value:
                raise InputError(
                    "This edgefit release does not support the input contract.",
                    key=f"input.{key}",
                    expected=value,
                    found=facts[key],
                )
        try:
            return cls(
                width=int(facts["width"]),
                height=int(facts["height"]),
                aspect=Aspect(facts["aspect"]),
                pad_value=int(facts["pad_value"]),
                jpeg_decode=JpegDecode(facts["jpeg_decode"]),
                mean=_triple(facts["mean"]),
                std=_triple(facts["std"]),
                enlarge=Enlarge(facts.get("enlarge", Enlarge.BILINEAR)),  # not in bundles of 0.1
                **_later_facts(facts),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The input contract cannot be read.", key="input", found=repr(error)
            ) from error


def _later_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Keys that earlier bundles do not have; they read as the defaults."""
    read = {"damaged": Damaged, "bits": int, "max_pixels": int}
    return {key: kind(facts[key]) for key, kind in read.items() if key in facts}


def _triple(values: Iterable[float]) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return (red, green, blue)
