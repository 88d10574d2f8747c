"""From one row of a graph's output to a prediction: one file a task, found through one table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgefit.runtime.decoding.classification import decode_classification
from edgefit.spec import LabelMap, Prediction, Task

Decoder = Callable[[NDArray[np.float32], LabelMap], Prediction]
"""Takes ``float32`` (C,) and the class names in output order."""

DECODERS: dict[Task, Decoder] = {Task.CLASSIFICATION: decode_classification}
"""Task -> how its output is read."""
