"""From one row of a graph's output to a prediction: one file a task, found through one table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgefit.runtime.tasks.classification import decode_classification
from edgefit.spec import CLASSIFICATION, ClassPrediction, LabelMap, OperatingPoint, Task

Decoder = Callable[[NDArray[np.float32], LabelMap, OperatingPoint, float | None], ClassPrediction]
"""Takes ``float32`` (C,), class names in output order, operating point and novelty score."""

DECODERS: dict[Task, Decoder] = {CLASSIFICATION: decode_classification}
"""Task -> how its output is read."""
