"""The loaders of a training: augmented batches that a restart repeats, and validation batches."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from edgefit.data.augment import build_augmentation
from edgefit.data.frame_store import FrameStore
from edgefit.data.loader import TrainingBatches
from edgefit.data.sampler import CLASS_SHARES, EpochSampler
from edgefit.data.table import SampleTable
from edgefit.data.training_set import PerThread, TrainingSet, collate
from edgefit.data.worker_processes import room_for, start_importing
from edgefit.errors import RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import TrainConfig
from edgefit.runtime.cores import available_cores
from edgefit.spec import Frame
from edgefit.train.split_frames import SplitFrames
from edgefit.wording import counted

GAP_IMAGES = 512
"""Number of training images measured like validation: enough to see a gap of a few percent."""
_VALIDATION_BATCH = 64
_NO_ROOM = (
    "shared memory is too small for worker processes: threads make the batches, and the GPU may "
    "wait for them. In a container, give it more (docker run --shm-size)"
)


class ValidationSet(Dataset[tuple[Frame, int]]):
    """Frames with targets, without augmentation.

    Args:
        store: The frames.
        targets_N: Class index of each frame, ``int64`` (N,).
        indices: Which of them, in this order.
    """

    def __init__(
        self, store: FrameStore, targets_N: NDArray[np.int64], indices: Sequence[int]
    ) -> None:
        self.store = store
        self.targets_N = targets_N
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, number: int) -> tuple[Frame, int]:
        index = self.indices[number]
        return self.store.frame(index), int(self.targets_N[index])


def make_loaders(
    config: TrainConfig,
    table: SampleTable,
    frames: SplitFrames,
    *,
    rank: int = 0,
    world: int = 1,
    ranks_here: int = 1,
    on_gpu: bool = False,
    reporter: Reporter = QUIET,
) -> tuple[TrainingBatches, list[DataLoader[Any]]]:
    """Batches of the train split, and two plain loaders: the val split, and some training images.

    Each training process, ``rank`` of ``world``, gets its share of all three. Together, a step of
    all processes sees the images that a step of a single process would.

    Args:
        config: Batch size, augmentation, balance, seed and workers are read.
        table: The checked samples.
        frames: Their frames.
        rank: This training process.
        world: Number of training processes.
        ranks_here: How many of them share this machine's cores and memory.
        on_gpu: Batches are for an NVIDIA GPU: worker processes make them, in page-locked memory.
        reporter: Shows a warning if threads replace the processes.

    Raises:
        RecipeError: A process would get fewer than two images in a batch (batch norm needs two),
            or the batch cannot be divided among the processes.
    """
    train_table = table.of("train")
    batch_size = share_of_batch(config.batch_size, len(train_table), world)
    targets_N = train_table.targets_N()
    spec = frames.train.spec
    if config.batch_size > len(train_table):
        reporter.warn(
            f"a batch of {config.batch_size} takes all {len(train_table)} training images at once: "
            "one step an epoch; consider a smaller train.batch_size"
        )
    build_augmentation(config.augment, spec)  # report a wrong file here, not in a thread
    augmentation = PerThread(partial(build_augmentation, config.augment, spec))
    sampler = EpochSampler(
        targets_N,
        batch_size=batch_size,
        seed=config.seed,
        share_of_class=CLASS_SHARES.get(config.balance),
        rank=rank,
        world=world,
    )
    workers = worker_count(config.workers, ranks_here, on_gpu=on_gpu)
    processes = on_gpu and workers > 0
    if processes and not room_for(
        spec.shape_HWC,
        frames.train.cached,
        batch_size=batch_size,
        workers=workers,
        ranks=ranks_here,
    ):
        reporter.warn(_NO_ROOM)
        processes, workers = False, max(1, worker_count(config.workers, ranks_here, on_gpu=False))
    training = TrainingBatches(
        TrainingSet(frames.train, targets_N, augmentation, config.seed),
        sampler,
        batch_size=batch_size,
        workers=workers,
        processes=processes,
        pinned=on_gpu,
    )
    return training, _plain_loaders(config, table, frames, rank, world, pinned=on_gpu)


def _plain_loaders(
    config: TrainConfig,
    table: SampleTable,
    frames: SplitFrames,
    rank: int,
    world: int,
    *,
    pinned: bool,
) -> list[DataLoader[Any]]:
    """The val split and some training images; one training process's share of each."""
    train_table, val_table = table.of("train"), table.of("val")
    order = np.random.default_rng([config.seed]).permutation(len(train_table))
    some = sorted(int(index) for index in order[:GAP_IMAGES])
    on_training, targets_N = frames.train, train_table.targets_N()
    if on_training.spec != frames.val.spec:  # measured like validation, not as training sees them
        samples = [train_table.samples[index] for index in some]
        on_training = FrameStore(samples, train_table.root, frames.val.spec)
        targets_N, some = targets_N[some], list(range(len(some)))
    return [
        DataLoader(
            ValidationSet(store, targets, indices[rank::world]),
            batch_size=_VALIDATION_BATCH,
            collate_fn=collate,
            pin_memory=pinned,
        )
        for store, targets, indices in (
            (frames.val, val_table.targets_N(), list(range(len(val_table)))),
            (on_training, targets_N, some),
        )
    ]


def finds_gpu(config: TrainConfig) -> bool:
    """Whether phase two will run on an NVIDIA GPU."""
    return config.accelerator != "cpu" and torch.cuda.is_available()


def prepare_workers(config: TrainConfig) -> None:
    """Start the imports of worker processes while other work goes on.

    Args:
        config: ``accelerator``, ``mode`` and ``workers`` decide whether there will be any.
    """
    if config.mode != "probe" and finds_gpu(config) and config.workers != 0:
        start_importing()


def share_of_batch(batch_size: int, images: int, world: int) -> int:
    """Images that one of ``world`` processes takes in a step; ``train.batch_size`` is for all.

    Raises:
        RecipeError: See :func:`make_loaders`.
    """
    if batch_size % world:
        raise RecipeError(
            "The batch cannot be divided evenly among the training processes.",
            key="train.batch_size",
            expected=f"a multiple of {world}, the number of processes",
            found=batch_size,
            remedy=f"for example --set train.batch_size={max(2, batch_size // world) * world}",
        )
    share = batch_size // world
    if min(share, images // world) < 2:
        raise RecipeError(
            "Training needs at least two images in a batch"
            f"{' of each process' if world > 1 else ''}.",
            key="train.batch_size",
            expected=f"{2 * world} or more, and as many training images",
            found=f"batch size {batch_size}, {counted(images, 'training image')}, "
            f"{world} process{'es' if world > 1 else ''}",
            remedy="raise the batch size, or start fewer processes",
        )
    return share


def worker_count(workers: int | str, ranks_here: int, *, on_gpu: bool) -> int:
    """How many threads or, for a GPU, processes make batches ahead.

    Args:
        workers: The recipe's. ``auto`` is a process for each core but one, eight at most, for a
            GPU. For training on a CPU it is two threads (eight make fewer batches than none,
            because they share Python's lock), and none on two cores, where a thread beside torch's
            own two gains nothing (``benchmarks/training_speed.py``).
        ranks_here: Training processes that share the cores.
        on_gpu: Whether a GPU trains and the CPU only makes batches.
    """
    if isinstance(workers, int):
        return workers
    cores = available_cores() // ranks_here
    if on_gpu:
        return max(1, min(8, cores - 1))
    return 0 if cores <= 2 else 2
