"""Worker processes that make training batches, where threads cannot keep an accelerator busy.

Augmentation mostly holds Python's lock. Several threads beside the one that trains make fewer
batches together than one alone (``benchmarks/training_speed.py``), and keep the lock from training.

The processes are those of torch's ``DataLoader``. Forking a process in which an engine has started
threads may crash, and a process that starts afresh spends seconds on imports. So workers are forked
from a process that has imported what they need and done nothing else (``forkserver``). On systems
without a fork server, they start afresh.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cv2
from torch.utils.data import DataLoader

from edgefit.data.sampler import EpochSampler
from edgefit.data.training_set import TrainingSet, collate
from edgefit.errors import EdgefitError, StageError
from edgefit.spec import Frame

if TYPE_CHECKING:
    from edgefit.data.training_set import Batch

_SHARED_MEMORY = Path("/dev/shm")
_AHEAD = 4
"""Batches that each process makes ahead."""
_DEATHS = ("DataLoader worker", "Pin memory thread exited")
"""Beginnings of torch's RuntimeErrors for a process that died."""


def start_importing() -> None:
    """Start the process that workers are forked from; its imports take seconds.

    Call this as soon as it is clear that there will be workers. The process takes 0.6 GB and ends
    with this program, not with the training. The call replaces the program's own list of modules
    to preload there.
    """
    if _start_method() == "forkserver":
        _context()
        with _clean_start():
            forkserver.ensure_running()


class BatchProcesses:
    """The batches of a training set in the sampler's order; the processes live until ``close``.

    Args:
        dataset: The frames, shared (:meth:`.FrameStore.share`) so that they are not copied into
            each process. The whole data set must be picklable.
        sampler: The order; its epoch may change between two passes.
        batch_size: Frames in a batch; the last one may hold fewer.
        workers: Number of processes, at least 1.
        pinned: Put batches into page-locked memory.

    Raises:
        StageError: While iterating: a process was killed, most likely for lack of memory.
        EdgefitError: While iterating: what the data set raised.
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
        returning_errors: Any = _ErrorsReturned(dataset)
        order: Any = sampler
        with _many_workers():
            self._loader: DataLoader[Any] | None = DataLoader(
                returning_errors,
                batch_size=batch_size,
                sampler=order,
                num_workers=workers,
                collate_fn=_collate,
                pin_memory=pinned,
                multiprocessing_context=_context(),
                persistent_workers=True,
                prefetch_factor=_AHEAD,
                worker_init_fn=_begin,
            )
        self._batches: Any = None

    def close(self) -> None:
        """End the processes. A pass that is under way gives no more batches."""
        batches, self._batches, self._loader = self._batches, None, None
        if batches is not None:
            batches._shutdown_workers()

    def __iter__(self) -> Iterator[Batch]:
        if self._loader is not None:
            with _clean_start(), _many_workers():
                self._batches = iter(self._loader)
        while self._batches is not None:
            with _deaths_explained():
                batch = next(self._batches, None)
            if isinstance(batch, EdgefitError):
                raise batch
            if batch is None:
                return
            yield batch


def room_for(
    shape_HWC: Sequence[int], frames: int, *, batch_size: int, workers: int, ranks: int = 1
) -> bool:
    """Whether shared memory has room for the frames and for the batches made ahead.

    Containers often have 64 MB of it, and the system kills a process that writes beyond the end.
    Systems without ``/dev/shm`` keep shared memory elsewhere, without such a limit.

    Args:
        shape_HWC: Shape of a frame, ``uint8``.
        frames: Number of shared frames.
        batch_size: Frames in a batch.
        workers: Worker processes.
        ranks: Training processes on this machine, each with frames and workers of its own. All of
            them must come to the same answer, so with several the total size counts, not what
            faster ones have left free.
    """
    if not _SHARED_MEMORY.is_dir():
        return True
    height, width, channels = shape_HWC
    batches = batch_size * workers * (_AHEAD + 1)
    needed = height * width * channels * (frames + batches) * ranks
    usage = shutil.disk_usage(_SHARED_MEMORY)
    return needed * 1.2 < (usage.free if ranks == 1 else usage.total)


def _start_method() -> str:
    return "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def _context() -> multiprocessing.context.BaseContext:
    context = multiprocessing.get_context(_start_method())
    if _start_method() == "forkserver":
        context.set_forkserver_preload(["edgefit.data.worker_imports"])
    return context


class _ErrorsReturned:
    """A training set that returns its errors, because torch would reduce them to a traceback."""

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


def _begin(worker: int) -> None:
    """Set up a worker: one thread, no reaction to Ctrl-C, an end together with the training.

    torch watches only the process that forked this one. That process outlives a killed training as
    long as it has a child.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    wait([parent.sentinel])
    os._exit(1)


@contextmanager
def _deaths_explained() -> Iterator[None]:
    """Replace the errors that follow a worker's death by one that says what to do.

    torch notices the death when the process stays silent. Before that, fetching a batch from the
    dead process may break the connection.
    """
    try:
        yield
    except (RuntimeError, EOFError, ConnectionError) as error:
        text = str(error)
        raised_by_worker = text.startswith("Caught ")  # so torch marks it
        of_torch = isinstance(error, RuntimeError) and not text.startswith(_DEATHS)
        if raised_by_worker or of_torch:
            raise
        raise StageError(
            "A worker process that makes training batches has died.",
            key="train.workers",
            found=f"{type(error).__name__}: {text}".splitlines()[0],
            remedy="if memory is short, use fewer workers, or none (--set train.workers=0); the "
            "same command resumes after the last complete epoch",
        ) from error


@contextmanager
def _many_workers() -> Iterator[None]:
    """Silence torch's warning about more workers than cores: the recipe asks for them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="This DataLoader will create")
        yield


@contextmanager
def _clean_start() -> Iterator[None]:
    """Start processes without this program's main module, and keep its handling of signals.

    A process that starts afresh runs the main module again. It needs nothing from there, and a
    script that calls edgefit without ``if __name__ == "__main__"`` would start itself again.

    A process inherits which signals are blocked. SIGINT is blocked until all processes have
    started. The resource tracker unblocks SIGINT when it starts, so it starts first. torch installs
    its own handler for SIGCHLD and leaves it; this restores the program's handler. A process that
    dies is noticed without it.
    """
    if _start_method() == "forkserver":
        resource_tracker.ensure_running()
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    blocked = hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if blocked else set()
    child = signal.getsignal(signal.SIGCHLD) if hasattr(signal, "SIGCHLD") else None
    try:
        yield
    finally:
        if child is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGCHLD, child)
        sys.modules["__main__"] = main
        if blocked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
