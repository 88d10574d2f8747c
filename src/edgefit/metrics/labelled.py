"""Outputs of a network or a file, beside the truth of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.spec import LabelMap, Outputs, Truth


@dataclass(frozen=True)
class Bootstrap:
    """Settings of the bootstrap that gives intervals.

    Attributes:
        resamples: Bootstrap resamples, drawn over groups.
        confidence: Confidence of the intervals, 0 to 1.
        seed: Seed of the resamples.
    """

    resamples: int = 1000
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class LabelledOutputs:
    """Outputs beside the truth.

    Attributes:
        outputs: Name -> ``float32`` (N, ...). Besides the graph's outputs it may hold ``logits``
            (N, C) of the trained network, and ``novelty`` (N,) where novelty is scored.
        truth: What the data set says about each of the N images.
        labels: Class names.
        groups_N: Group of each image, (N,).
    """

    outputs: Outputs
    truth: Sequence[Truth]
    labels: LabelMap
    groups_N: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, chosen_N: NDArray[np.bool_]) -> LabelledOutputs:
        """Only the chosen images; ``chosen_N`` is bool (N,)."""
        return LabelledOutputs(
            {name: values[chosen_N] for name, values in self.outputs.items()},
            [truth for truth, chosen in zip(self.truth, chosen_N, strict=True) if chosen],
            self.labels,
            self.groups_N[chosen_N],
        )

    def by(self, column_N: NDArray[np.str_]) -> dict[str, LabelledOutputs]:
        """The images grouped by the values of a column, sorted by value.

        Raises:
            InputError: The column does not fit the images.
        """
        if column_N.shape != (len(self),):
            raise InputError(
                "The column does not fit the images.", expected=(len(self),), found=column_N.shape
            )
        return {str(value): self.where(column_N == value) for value in np.unique(column_N)}
