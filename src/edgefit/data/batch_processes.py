"""Worker processes that make training batches, where threads cannot keep an accelerator busy.

Augmentation runs mostly under Python's lock: two threads make no more batches than one
(``benchmarks/training_speed.py``), and eight threads left an H200 idle nine tenths of the time.
The processes are torch's own. They are started afresh (``spawn``), since a fork of a process in
which an engine has started its threads may crash.
"""

from __future__ import annotations

import shutil
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cv2
from torch.utils.data import DataLoader

from edgefit.data.loader import EpochSampler, TrainingSet, collate
from edgefit.errors import EdgefitError, StageError
from edgefit.spec import Frame

if TYPE_CHECKING:
    from edgefit.data.loader import Batch

_SHARED_MEMORY = Path("/dev/shm")
_AHEAD = 4
"""Batches that each process makes ahead."""
_DEATH = "DataLoader worker"
"""How torch's RuntimeError for a process that died begins."""


class BatchProcesses:
    """The batches of a training set in the sampler's order; the processes live until ``close``.

    Args:
        dataset: The frames, shared (:meth:`edgefit.data.loader.FrameStore.share`) so that they are
            not copied into each process; all of it must be picklable.
        sampler: The order; its epoch may change between two passes.
        batch_size: Frames in a batch; the last one may hold fewer.
        workers: Number of processes, at least 1; each takes about 0.3 GB beside the frames.
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
        with warnings.catch_warnings():
            # more than there are cores is the user's own wish
            warnings.filterwarnings("ignore", message="This DataLoader will create")
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
        self._batches: Iterator[Any] | None = None

    def close(self) -> None:
        """End the processes, also in the middle of a pass, which then has no more batches."""
        self._batches = self._loader = None

    def __iter__(self) -> Iterator[Batch]:
        if self._loader is not None:
            with _clean_start():
                self._batches = iter(self._loader)
        # the iterator stays an attribute: torch ends the processes with the last reference to it
        while self._batches is not None:
            batch = next(self._batches, None)
            if isinstance(batch, EdgefitError):
                raise batch
            if batch is None:
                return
            yield batch


@contextmanager
def telling_of_dead_workers() -> Iterator[None]:
    """Turn torch's error for a worker process that died into one that says what to do.

    Raises:
        StageError: A process was killed, by the system for want of memory most likely.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(_DEATH):
            raise
        raise StageError(
            "A process that makes training batches has died.",
            key="train.workers",
            found=str(error).splitlines()[0],
            remedy="if memory is short, take fewer (each needs about 0.3 GB beside the frames) or "
            "none: --set train.workers=0. The same command goes on after the last whole epoch",
        ) from error


def room_for(
    shape_HWC: Sequence[int], frames: int, *, batch_size: int, workers: int, ranks: int = 1
) -> bool:
    """Whether shared memory has room for the frames and the batches under way.

    A container often has 64 MB of it, and writing beyond the end kills the process. Systems
    without ``/dev/shm`` keep shared memory elsewhere, without such a bound.

    Args:
        shape_HWC: Of a frame, ``uint8``.
        frames: How many are shared.
        batch_size: Frames in a batch.
        workers: Worker processes.
        ranks: Training processes on this machine, each with frames and workers of its own. They
            must come to one answer, so several of them go by the size of the whole, not by what
            those that were faster have left.
    """
    if not _SHARED_MEMORY.is_dir():
        return True
    height, width, channels = shape_HWC
    batches = batch_size * workers * (_AHEAD + 1)
    needed = height * width * channels * (frames + batches) * ranks
    usage = shutil.disk_usage(_SHARED_MEMORY)
    return needed * 1.2 < (usage.free if ranks == 1 else usage.total)


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


@contextmanager
def _clean_start() -> Iterator[None]:
    """Start processes that know nothing of this program's main module, and leave Ctrl-C to us.

    ``spawn`` runs the main module again in each process. Nothing of it is needed there, and a
    script that calls edgefit without ``if __name__ == "__main__"`` would start itself anew. A
    process inherits which signals are blocked: SIGINT is, until all are started.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    blocked = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if blocked else set()
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        if blocked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
