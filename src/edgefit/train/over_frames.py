"""Runs a network over many frames, batch by batch; every measurement uses this loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def over_frames(
    compute: Callable[[Tensor], Mapping[str, Tensor]],
    batches: Iterable[NDArray[np.uint8]],
    advance: Callable[[int], None] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """The outputs of a network on the CPU for all frames, each joined over the batches.

    Args:
        compute: From frames ``uint8`` (N, H, W, 3) to tensors (N, ...) by name; gradients are off.
        batches: Frames ``uint8`` (N, H, W, 3), as
            :func:`edgefit.data.frame_store.frames_in_order` gives them.
        advance: Called after each batch with its number of frames.
    """
    parts: dict[str, list[NDArray[np.float32]]] = {}
    with torch.inference_mode():
        for frames_NHWC in batches:
            for name, values in compute(torch.from_numpy(frames_NHWC)).items():
                parts.setdefault(name, []).append(values.numpy())
            if advance:
                advance(len(frames_NHWC))
    return {name: np.concatenate(some) for name, some in parts.items()}
