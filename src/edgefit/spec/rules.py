"""From a network's outputs to a decision: the rules as types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgefit.errors import InputError
from edgefit.spec.labels import LabelMap

UNSURE: Final = "unsure"
"""What stands for a decision where the reject option leaves it to a person."""


@dataclass(frozen=True)
class DefectThreshold:
    """Two-class quality control: a part is called a defect from this probability on.

    Attributes:
        good: Class of good parts.
        defect: The other class.
        value: Smallest probability of ``defect`` at which a part is called one, 0 to 1.
    """

    good: str
    defect: str
    value: float


@dataclass(frozen=True)
class ConformalRule:
    """Split-conformal prediction: the answer is ``unsure`` unless just one class is likely enough.

    Attributes:
        coverage: Share of pictures whose true class is meant to be in the prediction set.
        quantile: A class is in the set where 1 minus its probability is at most this.
    """

    coverage: float
    quantile: float


@dataclass(frozen=True)
class NoveltyRule:
    """A picture whose novelty score is above ``threshold`` is unlike all training pictures.

    Attributes:
        threshold: Largest score that counts as known.
        prototypes: Path, inside the bundle, of the class means ``float32`` (C, F), as ``.npy``.
    """

    threshold: float
    prototypes: str


@dataclass(frozen=True)
class OperatingPoint:
    """From a network's answer to a decision. What is None is not used; all None is arg-max."""

    threshold: DefectThreshold | None = None
    conformal: ConformalRule | None = None
    novelty: NoveltyRule | None = None

    @property
    def decides(self) -> bool:
        """Whether a decision may differ from the most probable class."""
        return self.threshold is not None or self.conformal is not None

    def check(self, labels: LabelMap) -> None:
        """Check the rules against the classes.

        Raises:
            InputError: A class, or a number, that cannot be.
        """
        shares = {}
        if self.threshold is not None:
            shares["threshold.value"] = self.threshold.value
            pair = [self.threshold.good, self.threshold.defect]
            if sorted(pair) != sorted(labels.names):
                raise InputError(
                    "The threshold is not one between the two classes.",
                    key="operating.threshold",
                    expected=list(labels.names),
                    found=pair,
                )
        if self.conformal is not None:
            shares["conformal.coverage"] = self.conformal.coverage
            shares["conformal.quantile"] = self.conformal.quantile
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise InputError(
                    "The operating point is out of range.",
                    key=f"operating.{name}",
                    expected="0 to 1",
                    found=value,
                )
