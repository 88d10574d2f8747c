"""Preprocessed frames in memory, and the batches that training and evaluation read.

Every random choice depends on (seed, epoch, index) only. So a killed training resumes with the same
batches, whether threads or processes make them.

torch is imported only where tensors are made, since calibration and verification read the same
frames without it.
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

    Threads start at once and keep up with training on a CPU. For an accelerator see
    :mod:`edgefit.data.worker_processes`. Threads and processes make the same batches.

    Args:
        dataset: The frames; its augmentation must be safe to call from several threads, or be
            picklable for processes.
        sampler: The order; lightning calls its ``set_epoch``.
        batch_size: Frames in a batch; the last one may hold fewer.
        workers: Number of workers that make batches ahead; with 0, each is made on request.
        processes: Whether workers are processes, which share the frames.
        pinned: Put batches into page-locked memory, from which an accelerator copies while it
            computes.
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
        """End the worker processes, if any; they make no batches after that."""
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
