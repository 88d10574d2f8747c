"""The loaders of a training: augmented batches that a restart repeats, and plain validation."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from torch.utils.data import DataLoader, Dataset

from edgefit.data.augment import build_augmentation
from edgefit.data.loader import (
    EpochSampler,
    FrameStore,
    PerThread,
    TrainingBatches,
    TrainingSet,
    collate,
)
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.progress import Reporter
from edgefit.recipe import TrainConfig
from edgefit.spec import Frame, InputSpec

_VALIDATION_BATCH = 64


class ValidationSet(Dataset[tuple[Frame, int]]):
    """Frames with targets, in table order, as they are.

    Args:
        store: The frames.
        table: Gives their classes.
    """

    def __init__(self, store: FrameStore, table: SampleTable) -> None:
        self.store = store
        self.targets_N = table.targets_N()

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, index: int) -> tuple[Frame, int]:
        return self.store.frame(index), int(self.targets_N[index])


def make_loaders(
    config: TrainConfig,
    table: SampleTable,
    spec: InputSpec,
    reporter: Reporter,
    *,
    rank: int = 0,
    world: int = 1,
) -> tuple[TrainingBatches, DataLoader[Any]]:
    """Loaders of the train and the val split; ``rank`` is this training process, of ``world``.

    Raises:
        RecipeError: Fewer than two training images fit into a batch (batch norm needs two).
    """
    train_table, val_table = table.of("train"), table.of("val")
    if min(config.batch_size, len(train_table)) < 2:
        raise RecipeError(
            "Training needs at least two images in a batch.",
            key="train.batch_size",
            expected="2 or more, and as many training images",
            found=f"batch size {config.batch_size}, {len(train_table)} training images",
        )
    stores = [
        FrameStore(t.samples, t.root, spec, budget_mb=config.cache_mb, reporter=reporter)
        for t in (train_table, val_table)
    ]
    targets_N = train_table.targets_N()
    build_augmentation(config.augment, spec)  # a wrong file is an error here, not in a thread
    augmentation = PerThread(partial(build_augmentation, config.augment, spec))
    sampler = EpochSampler(
        targets_N,
        batch_size=config.batch_size,
        seed=config.seed,
        balance="sampler" if config.balance == "sampler" else "none",
        rank=rank,
        world=world,
    )
    training = TrainingBatches(
        TrainingSet(stores[0], targets_N, augmentation, config.seed),
        sampler,
        batch_size=config.batch_size,
        workers=_worker_count(config.workers),
    )
    validation: DataLoader[Any] = DataLoader(
        ValidationSet(stores[1], val_table), batch_size=_VALIDATION_BATCH, collate_fn=collate
    )
    return training, validation


def _worker_count(workers: int | str) -> int:
    if isinstance(workers, int):
        return workers
    cores = len(os.sched_getaffinity(0))
    return 0 if cores <= 2 else min(8, cores - 1)
