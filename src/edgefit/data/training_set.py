"""Frames with targets, augmented; and batches made of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefit.data.augment import Augmentation
from edgefit.data.frame_store import FrameStore
from edgefit.errors import DataError
from edgefit.spec import Frame

if TYPE_CHECKING:
    import torch


Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class TrainingSet:
    """Frames with targets, augmented by (seed, epoch, index); a map-style torch data set.

    Args:
        store: The frames.
        targets_N: Class index of each frame, ``int64`` (N,).
        augmentation: ``(frame, seed) -> frame``, from ``edgefit.data.augment``.
        seed: The training's seed.
    """

    def __init__(
        self,
        store: FrameStore,
        targets_N: NDArray[np.int64],
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        if len(store) != len(targets_N):
            raise DataError(
                "Frames and targets differ in number.", expected=len(store), found=len(targets_N)
            )
        self.store = store
        self.targets_N = targets_N
        self.augmentation = augmentation
        self.seed = seed

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Frame, int]:
        epoch, index = item
        seed = int(np.random.SeedSequence([self.seed, epoch, index]).generate_state(1)[0])
        return self.augmentation(self.store.frame(index), seed), int(self.targets_N[index])


def collate(items: Sequence[tuple[Frame, int]]) -> Batch:
    """Frames and targets as ``uint8`` (N, H, W, 3) and ``int64`` (N,) tensors."""
    import torch

    frames_NHWC = torch.from_numpy(np.stack([frame for frame, _ in items]))
    return frames_NHWC, torch.tensor([target for _, target in items], dtype=torch.int64)


class PerThread:
    """An augmentation that several threads may call: each thread has its own.

    Args:
        build: Builds an augmentation; called once in each thread.
    """

    def __init__(self, build: Callable[[], Augmentation]) -> None:
        self._build = build
        self._own = threading.local()

    def __reduce__(self) -> tuple[type[PerThread], tuple[Callable[[], Augmentation]]]:
        return PerThread, (self._build,)

    def __call__(self, frame: Frame, seed: int) -> Frame:
        if not hasattr(self._own, "augment"):
            self._own.augment = self._build()
        augmented: Frame = self._own.augment(frame, seed)
        return augmented
