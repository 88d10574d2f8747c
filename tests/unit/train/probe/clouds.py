"""Feature rows around one centre a class."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def clouds(
    rows: int, classes: int, *, seed: int, spread: float = 1.0, features: int = 12
) -> tuple[Floats, Integers, NDArray[np.str_]]:
    """Rows around one centre a class, on different scales; each row is its own group."""
    centres = np.random.default_rng(99).normal(0, 1.5, (classes, features))
    rng = np.random.default_rng(seed)
    targets_N = np.arange(rows, dtype=np.int64) % classes
    values = centres[targets_N] + rng.normal(0, spread, (rows, features))
    scales = 10.0 ** np.linspace(-0.5, 0.5, features)
    return (
        (values * scales + 3 * scales).astype(np.float32),
        targets_N,
        np.array([f"g{i}" for i in range(rows)]),
    )


def nll(logits_NC: Floats, targets_N: Integers) -> float:
    found = nn.functional.cross_entropy(torch.from_numpy(logits_NC), torch.from_numpy(targets_N))
    return float(found)
