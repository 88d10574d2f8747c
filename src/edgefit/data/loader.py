"""Preprocessed frames in memory, and the batches that training and evaluation read.

Every random choice is a function of (seed, epoch, index) alone. A training that was killed goes on
at an epoch with the same batches, whoever makes them.

torch is imported only where tensors are made; calibration and verification read the same frames
without it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from edgefit.data.sampler import EpochSampler
from edgefit.data.training_set import Batch, TrainingSet, collate

if TYPE_CHECKING:
    from edgefit.data.worker_processes import BatchProcesses


class TrainingBatches:
    """Batches of a training set in the sampler's order, made ahead by threads or processes.

    Threads are there at once and keep up with a processor's training. For an accelerator see
    :mod:`edgefit.data.worker_processes`. The batches do not depend on who makes them.

    Args:
        dataset: The frames; its augmentation must be safe to call from several threads, or be
            picklable for processes.
        sampler: The order; lightning calls its ``set_epoch``.
        batch_size: Frames in a batch; the last one may hold fewer.
        workers: How many make batches ahead; 0 makes each when it is asked for.
        processes: Workers are processes, and the frames are shared with them.
        pinned: Put batches into page-locked memory, from which an accelerator copies meanwhile.
    """

    def __init__(
        self,
        dataset: TrainingSet,
        sampler: EpochSampler,
        *,
        batch_size: int,
        workers: int = 0,
        processes: bool = False,
        pinned: bool = False,
    ) -> None:
        self.dataset = dataset
        self.sampler = sampler
        self.batch_size = batch_size
        self.workers = workers
        self.pinned = pinned
        self._processes: BatchProcesses | None = None
        if processes and workers:
            from edgefit.data.worker_processes import BatchProcesses

            dataset.store.share()
            self._processes = BatchProcesses(
                dataset, sampler, batch_size=batch_size, workers=workers, pinned=pinned
            )

    def __len__(self) -> int:
        return math.ceil(len(self.sampler) / self.batch_size)

    def close(self) -> None:
        """End the worker processes, if there are any; they make no more batches then."""
        if self._processes is not None:
            self._processes.close()

    def __iter__(self) -> Iterator[Batch]:
        # a generator, because lightning may ask for the iterator before it sets the epoch
        if self._processes is not None:
            yield from self._processes
            return
        keys = list(self.sampler)
        batches = [keys[i : i + self.batch_size] for i in range(0, len(keys), self.batch_size)]
        yield from self._ahead(batches) if self.workers else map(self._make, batches)

    def _make(self, keys: Sequence[tuple[int, int]]) -> Batch:
        frames_NHWC, targets_N = collate([self.dataset[key] for key in keys])
        if self.pinned:
            return frames_NHWC.pin_memory(), targets_N.pin_memory()
        return frames_NHWC, targets_N

    def _ahead(self, batches: Sequence[Sequence[tuple[int, int]]]) -> Iterator[Batch]:
        with ThreadPoolExecutor(self.workers) as pool:
            waiting: deque[Future[Batch]] = deque()
            for keys in batches:
                waiting.append(pool.submit(self._make, keys))
                if len(waiting) > 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
