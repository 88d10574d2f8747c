"""What a model answers, and what its graph gives.

A task is a string and not an enum, because an enum cannot be extended: whoever adds a task, a test
included, enters it in the table of each room where tasks differ, and :data:`OUTPUTS` is the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType

import numpy as np
from numpy.typing import NDArray

Task = NewType("Task", str)
"""What a model answers: a key of :data:`OUTPUTS`."""

CLASSIFICATION: Final = Task("classification")

Outputs = Mapping[str, NDArray[np.float32]]
"""What a graph gives, by name; the first axis of each array is N, the frames."""


@dataclass(frozen=True)
class OutputSpec:
    """One output of a graph.

    Attributes:
        name: Its name in the graph.
        dims: Its shape: a number is fixed, a letter is free or follows from the model (``N``
            frames, ``C`` classes, ``F`` features).
        unit: What a value is.
    """

    name: str
    dims: tuple[str | int, ...]
    unit: str


PROBABILITIES: Final = OutputSpec("probabilities", ("N", "C"), "probability, 0 to 1; rows sum to 1")

# openvino-model-api knows it by this name
FEATURE_VECTOR: Final = OutputSpec("feature_vector", ("N", "F"), "activation, no unit")
"""A further output that a graph of any task may give: what its head sees of a frame."""

OUTPUTS: dict[Task, tuple[OutputSpec, ...]] = {CLASSIFICATION: (PROBABILITIES,)}
"""Task -> the outputs that its graph always gives, in their order."""


def known_task(name: str) -> Task:
    """Check the name of a task.

    Raises:
        ValueError: This release has no such task.
    """
    if name not in OUTPUTS:
        raise ValueError(f"no task has this name; expected {' or '.join(OUTPUTS)}")
    return Task(name)
