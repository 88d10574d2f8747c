"""What a model predicts, and which outputs its graph has.

A task is a string, not an enum, because an enum cannot be extended. A new task, even one that only
a test adds, gets an entry in the table of each room where tasks differ. :data:`OUTPUTS` is the
first of these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NewType

import numpy as np
from numpy.typing import NDArray

Task = NewType("Task", str)
"""What a model predicts: a key of :data:`OUTPUTS`."""

CLASSIFICATION: Final = Task("classification")

Outputs = Mapping[str, NDArray[np.float32]]
"""The outputs of a graph by name; the first axis of each array is N, the frames."""


@dataclass(frozen=True)
class OutputSpec:
    """One output of a graph.

    Attributes:
        name: Its name in the graph.
        dims: Its shape: a number is fixed, a letter is free or follows from the model (``N``
            frames, ``C`` classes, ``F`` features).
        unit: Unit and range of a value.
    """

    name: str
    dims: tuple[str | int, ...]
    unit: str


PROBABILITIES: Final = OutputSpec("probabilities", ("N", "C"), "probability, 0 to 1; rows sum to 1")

# the name that openvino-model-api reads
FEATURE_VECTOR: Final = OutputSpec("feature_vector", ("N", "F"), "activation, no unit")
"""An extra output that a graph of any task may have: the features that its head reads."""

OUTPUTS: dict[Task, tuple[OutputSpec, ...]] = {CLASSIFICATION: (PROBABILITIES,)}
"""Task -> the outputs that its graph always has, in order."""


def known_task(name: str) -> Task:
    """Check the name of a task.

    Raises:
        ValueError: This release has no such task.
    """
    if name not in OUTPUTS:
        raise ValueError(f"no task has this name; expected {' or '.join(OUTPUTS)}")
    return Task(name)
