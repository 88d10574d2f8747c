"""From a graph's outputs to a decision: one rule for each task, tagged with its kind.

A bundle's manifest holds a rule as JSON whose ``kind`` says which type reads it, see :data:`RULES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import InputError
from edgefit.spec.labels import LabelMap
from edgefit.spec.tasks import CLASSIFICATION, Task

UNSURE: Final = "unsure"
"""The decision where the reject option leaves the frame to a person."""


@dataclass(frozen=True)
class DefectThreshold:
    """Two-class quality control: the probability from which a part counts as a defect.

    Attributes:
        good: Class of good parts.
        defect: The other class.
        value: Smallest probability of ``defect`` at which a part counts as one, 0 to 1.
    """

    good: str
    defect: str
    value: float


@dataclass(frozen=True)
class ConformalRule:
    """Split-conformal prediction: ``unsure`` unless exactly one class is likely enough.

    Attributes:
        coverage: Share of images whose true class is meant to be in the prediction set.
        quantile: A class is in the set where 1 minus its probability is at most this.
    """

    coverage: float
    quantile: float


@dataclass(frozen=True)
class NoveltyRule:
    """A frame whose novelty score is above ``threshold`` is unlike all training images.

    Attributes:
        threshold: Largest score that counts as known.
        prototypes: Path, inside the bundle, of the class means ``float32`` (C, F), as ``.npy``.
    """

    threshold: float
    prototypes: str


References = Mapping[str, NDArray[np.float32]]
"""The arrays that a rule compares features with, by name."""


@dataclass(frozen=True, kw_only=True)
class Rule(ABC):
    """Base class of all rules.

    Attributes:
        kind: The task whose outputs it reads.
    """

    kind: str

    @classmethod
    @abstractmethod
    def plain(cls) -> Self:
        """The rule of a bundle that states none."""

    @property
    @abstractmethod
    def decides(self) -> bool:
        """Whether a decision may differ from the graph's own answer."""

    @property
    def good(self) -> str | None:
        """The decision of a good part; None where the rule does not tell good from defect."""
        return None

    @property
    def files(self) -> Mapping[str, str]:
        """Name of each reference that it compares features with -> path inside the bundle."""
        return {}

    @abstractmethod
    def check(self, labels: LabelMap) -> None:
        """Check the rule against the classes.

        Raises:
            InputError: A class does not match, or a number is out of range.
        """


@dataclass(frozen=True)
class ClassificationRule(Rule):
    """From probabilities to a decision. Parts that are None are not used; all None is arg-max."""

    kind: Literal["classification"] = field(default="classification", kw_only=True)
    threshold: DefectThreshold | None = None
    conformal: ConformalRule | None = None
    novelty: NoveltyRule | None = None

    @classmethod
    def plain(cls) -> Self:
        """Arg-max."""
        return cls()

    @classmethod
    def of(cls, rule: Rule) -> Self:
        """The same rule, narrowed to this type.

        Raises:
            InputError: The rule belongs to another task.
        """
        if not isinstance(rule, cls):
            raise InputError(
                "The rule belongs to another task.", expected=CLASSIFICATION, found=rule.kind
            )
        return rule

    @property
    def decides(self) -> bool:
        """Whether a decision may differ from the most probable class."""
        return self.threshold is not None or self.conformal is not None

    @property
    def good(self) -> str | None:
        """The class of good parts, where there is a threshold between good and defect."""
        return None if self.threshold is None else self.threshold.good

    @property
    def files(self) -> Mapping[str, str]:
        """The class prototypes, where novelty is scored."""
        return {} if self.novelty is None else {"prototypes": self.novelty.prototypes}

    def check(self, labels: LabelMap) -> None:
        """Check the rules against the classes.

        Raises:
            InputError: A class does not match, or a number is out of range.
        """
        if len(labels) < 2:
            raise InputError(
                "A classifier has two or more classes.", key="labels", found=list(labels.names)
            )
        shares = {}
        if self.threshold is not None:
            shares["threshold.value"] = self.threshold.value
            pair = [self.threshold.good, self.threshold.defect]
            if sorted(pair) != sorted(labels.names):
                raise InputError(
                    "The threshold does not name the two classes.",
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


RULES: dict[Task, type[Rule]] = {CLASSIFICATION: ClassificationRule}
"""Task -> its rule; the key is the rule's ``kind``."""
