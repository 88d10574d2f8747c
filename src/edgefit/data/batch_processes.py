"""Worker processes that make training batches, where threads cannot keep an accelerator busy.

Python runs one thread at a time, and augmentation is half Python: eight threads of one process fed
an H200 with 740 pictures of 96x96 pixels a second, and it waited nine tenths of the time. The
processes are torch's own; they are started afresh (``spawn``), since a fork of a process in which
an engine has started its threads may crash.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
from torch.utils.data import DataLoader

from edgefit.data.loader import EpochSampler, TrainingSet, collate
from edgefit.errors import EdgefitError
from edgefit.spec import Frame

if TYPE_CHECKING:
    from edgefit.data.loader import Batch

_SHARED_MEMORY = Path("/dev/shm")
_AHEAD = 4
"""Batches that each process makes ahead."""


class BatchProcesses:
    """The batches of a training set in the sampler's order; the processes live until ``close``.

    Args:
        dataset: The frames, shared (:meth:`edgefit.data.loader.FrameStore.share`) so that they are
            not copied into each process; all of it must be picklable.
        sampler: The order; its epoch may change between two passes.
        batch_size: Frames in a batch; the last one may hold fewer.
        workers: Number of processes, at least 1.
        pinned: Put batches into page-locked memory.
    """

    def __init__(
        self,
        dataset: TrainingSet,
        sampler: EpochSampler,
        *,
        batch_size: int,
        workers: int,
        pinned: bool = False,
    ) -> None:
        told: Any = _Told(dataset)
        order: Any = sampler
        self._loader: DataLoader[Any] | None = DataLoader(
            told,
            batch_size=batch_size,
            sampler=order,
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=pinned,
            multiprocessing_context="spawn",
            persistent_workers=True,
            prefetch_factor=_AHEAD,
            worker_init_fn=_one_thread,
        )

    def close(self) -> None:
        """End the processes; torch does when the last reference to its loader is gone."""
        self._loader = None

    def __iter__(self) -> Iterator[Batch]:
        if self._loader is None:
            raise RuntimeError("the worker processes were ended")
        for batch in self._loader:
            if isinstance(batch, EdgefitError):
                raise batch
            yield batch


def room_for(
    shape_HWC: Sequence[int], frames: int, *, batch_size: int, workers: int, world: int = 1
) -> bool:
    """Whether shared memory has room for the frames and the batches under way.

    A container often has 64 MB of it, and writing beyond the end kills the process. Systems
    without ``/dev/shm`` keep shared memory elsewhere, without such a bound.

    Args:
        shape_HWC: Of a frame, ``uint8``.
        frames: How many are shared.
        batch_size: Frames in a batch.
        workers: Worker processes.
        world: Training processes, each with frames and workers of its own.
    """
    if not _SHARED_MEMORY.is_dir():
        return True
    height, width, channels = shape_HWC
    batches = batch_size * workers * (_AHEAD + 1)
    needed = height * width * channels * (frames + batches) * world
    return needed * 1.2 < shutil.disk_usage(_SHARED_MEMORY).free


class _Told:
    """A training set whose errors are answers: torch would reduce them to a traceback."""

    def __init__(self, dataset: TrainingSet) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, item: tuple[int, int]) -> tuple[Frame, int] | EdgefitError:
        try:
            return self.dataset[item]
        except EdgefitError as error:
            return error


def _collate(items: Sequence[Any]) -> Any:
    errors = [item for item in items if isinstance(item, EdgefitError)]
    return errors[0] if errors else collate(items)


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(1)
