"""The answer for one frame: a base class for all tasks, and one type for each task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edgefit.spec.labels import LabelMap
from edgefit.spec.rules import UNSURE


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What every task says about one frame.

    >>> import edgefit
    >>> edgefit.Prediction(decision="unsure").unsure
    True

    Attributes:
        decision: The decision of the bundle's rule, or ``unsure``.
        novelty: How far the frame is from all training images, 0 to 2; None where the bundle does
            not score it.
        is_novel: Whether ``novelty`` is above the rule's threshold; None as above.
    """

    decision: str = ""
    novelty: float | None = None
    is_novel: bool | None = None

    @property
    def unsure(self) -> bool:
        """Whether the reject option leaves the decision to a person."""
        return self.decision == UNSURE


@dataclass(frozen=True)
class ClassPrediction(Prediction):
    """The class that one frame shows.

    ``decision`` is a class, or ``unsure``. With a threshold it may differ from ``label``; without
    a rule it is ``label``.

    >>> import edgefit, numpy as np
    >>> labels = edgefit.LabelMap(("good", "scratch"))
    >>> row = np.array([0.1, 0.9], np.float32)
    >>> prediction = edgefit.ClassPrediction.from_probabilities(row, labels)
    >>> prediction.label, round(prediction.confidence, 3)
    ('scratch', 0.9)

    Attributes:
        label: Name of the most probable class.
        index: Its position in the label map.
        confidence: Its probability, 0 to 1.
        probabilities: ``float32`` (C,), all classes in label-map order.
    """

    label: str
    index: int
    confidence: float
    probabilities: NDArray[np.float32] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.decision:
            object.__setattr__(self, "decision", self.label)

    @classmethod
    def from_probabilities(cls, probabilities_C: NDArray[np.float32], labels: LabelMap) -> Self:
        """Decode one row of the network's output, ``float32`` (C,), by arg-max."""
        best = int(np.argmax(probabilities_C))
        return cls(labels.names[best], best, float(probabilities_C[best]), probabilities_C)

    def top(self, k: int, labels: LabelMap) -> list[tuple[str, float]]:
        """The ``k`` most probable classes with their probabilities, best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(labels.names[i], float(self.probabilities[i])) for i in order]
