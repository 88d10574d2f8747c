"""Where the images are, how they are split, and how they become the network's input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from edgefit.recipe.section import Fraction, Section
from edgefit.spec import Aspect, Damaged, Enlarge, InputSpec, JpegDecode


class SplitConfig(Section):
    """How images are split. Splits that the data set states are kept; missing ones are drawn."""

    validation: Fraction = 0.15
    test: Fraction = 0.2
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _leave_room_for_training(self) -> SplitConfig:
        if self.validation + self.test >= 0.9:
            raise ValueError("validation + test must leave at least 10 % for training")
        return self


class DataConfig(Section):
    """Where the labelled images are and how they are grouped.

    Attributes:
        root: Folder of images, or a CSV file. Usually given as ``--data``.
        format: ``auto`` takes ``csv`` for a CSV file or when ``csv`` is set, else ``folder``.
        csv: Name of a CSV file inside ``root``.
        include: Glob patterns on the path relative to ``root``; empty means every image.
        exclude: Glob patterns to leave out, applied after ``include``.
        classes: The class list in output order; by default all classes found, sorted.
        group: Regular expression searched in the relative path. Its captured groups (or the whole
            match) name the group of the image; a group is never divided between splits.
        group_column: CSV column that names the group of the image.
        leaks: ``drop`` removes from train the images with the same pixels as one in val or test
            (and from val those in test), reports and lists them; ``keep`` leaves them in.
        split: Fractions and seed of the split.
    """

    root: Path | None = None
    format: Literal["auto", "folder", "csv"] = "auto"
    csv: str | None = None
    include: list[str] = []
    exclude: list[str] = []
    classes: list[str] | None = None
    group: str | None = None
    group_column: str | None = None
    leaks: Literal["drop", "keep"] = "drop"
    split: SplitConfig = SplitConfig()

    @field_validator("group")
    @classmethod
    def _must_compile(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"is not a regular expression: {error}") from error
        return pattern

    @model_validator(mode="after")
    def _one_group_source(self) -> DataConfig:
        if self.group and self.group_column:
            raise ValueError("group and group_column exclude each other; keep one")
        return self


class InputConfig(Section):
    """Size and shape policy of the network's input; the rest comes from the backbone's card.

    Attributes:
        width: In pixels.
        height: In pixels.
        aspect: ``stretch``, ``letterbox`` or ``crop`` a frame with another aspect ratio.
        pad_value: Grey level of letterbox borders.
        jpeg_decode: ``scaled`` shrinks large JPEG files while they are decoded.
        enlarge: ``bilinear``, or ``lanczos`` where many frames are smaller than the input and the
            classes differ in fine detail; it takes more than ten times as long
            (``benchmarks/preprocess.py``).
        damaged: ``refuse`` an image that is damaged inside, or ``warn``: read what is left of it.
        bits: Bits in use of the 16 in images that do not state it: 12 for a camera whose white is
            4095. A PGM file and an AVIF file state their own.
        max_pixels: Larger images are refused by their header. It also limits the size of files: to
            8 bytes a pixel, and never to less than 1 GiB.
    """

    width: int = Field(default=224, ge=8, le=4096)
    height: int = Field(default=224, ge=8, le=4096)
    aspect: Aspect = Aspect.STRETCH
    pad_value: int = Field(default=114, ge=0, le=255)
    jpeg_decode: JpegDecode = JpegDecode.EXACT
    enlarge: Enlarge = Enlarge.BILINEAR
    damaged: Damaged = Damaged.REFUSE
    bits: int = Field(default=16, ge=9, le=16)
    max_pixels: int = Field(default=100_000_000, ge=1)

    def to_spec(self, mean: Sequence[float], std: Sequence[float]) -> InputSpec:
        """The full input contract, with the normalisation the backbone was trained with."""
        return InputSpec(
            **self.model_dump(),
            mean=(mean[0], mean[1], mean[2]),
            std=(std[0], std[1], std[2]),
        )
