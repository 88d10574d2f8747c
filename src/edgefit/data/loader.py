"""Preprocessed frames in memory, and the batches that training and evaluation read.

Every random choice is a function of (seed, epoch, index) alone. A training that was killed goes on
at an epoch with the same batches, whoever makes them.

torch is imported only where tensors are made; calibration and verification read the same frames
without it.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefit.data.augment import Augmentation
from edgefit.data.table import Sample
from edgefit.errors import DataError, FrameError
from edgefit.progress import QUIET, Reporter
from edgefit.runtime.cores import available_cores
from edgefit.runtime.preprocess import decode_image, preprocess
from edgefit.spec import Frame, InputSpec

if TYPE_CHECKING:
    import torch

    from edgefit.data.batch_processes import BatchProcesses

CLASS_SHARES = {"sampler": 0.0, "square-root-sampler": 0.5}
"""The power p of each ``train.balance`` that draws: classes come in proportion to (images)^p.

The root is a compromise: rare classes come more often, and large ones, which may be the hard ones,
do not vanish (Mahajan et al. 2018, https://arxiv.org/abs/1805.00932).
"""
Batch: TypeAlias = "tuple[torch.Tensor, torch.Tensor]"


class FrameStore:
    """The frames of some samples at input size; as many as the budget allows stay in memory.

    Frames beyond the budget are decoded at each access.

    Args:
        samples: What to hold, in this order.
        root: Folder that the samples' paths are relative to.
        spec: The input contract.
        budget_mb: Memory for frames, in MiB; 0 keeps none.
        reporter: Where progress is drawn while the memory is filled.

    Raises:
        DataError: A file cannot be read (any more).
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        root: Path,
        spec: InputSpec,
        *,
        budget_mb: int = 2048,
        reporter: Reporter = QUIET,
    ) -> None:
        self.samples = tuple(samples)
        self.root = root
        self.spec = spec
        frame_bytes = int(np.prod(spec.shape_HWC))
        kept = min(len(self.samples), budget_mb * 2**20 // frame_bytes)
        self._frames_NHWC = np.empty((kept, *spec.shape_HWC), dtype=np.uint8)
        self._shared: torch.Tensor | None = None
        self._fill(reporter)
        self._see_frames()

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def cached(self) -> int:
        """How many frames are in memory."""
        return len(self._frames_NHWC)

    def frame(self, index: int) -> Frame:
        """One preprocessed frame, ``uint8`` (H, W, 3) RGB; read-only where it is cached.

        Raises:
            DataError: The file cannot be read (any more).
        """
        if index < len(self._frames_NHWC):
            return np.asarray(self._frames_NHWC[index])
        return self._decode(index)

    def share(self) -> None:
        """Move the frames in memory to where other processes see them; pickling copies none.

        While they move they take their memory twice.
        """
        import torch

        if self._shared is not None:
            return
        shared = torch.empty(self._frames_NHWC.shape, dtype=torch.uint8)
        self._shared = shared.share_memory_()  # type: ignore[no-untyped-call]
        shared.numpy()[...] = self._frames_NHWC
        self._see_frames()

    def _see_frames(self) -> None:
        if self._shared is not None:
            self._frames_NHWC = self._shared.numpy()
        self._frames_NHWC.flags.writeable = False

    def __getstate__(self) -> dict[str, Any]:
        left_out = () if self._shared is None else ("_frames_NHWC",)
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._see_frames()

    def _fill(self, reporter: Reporter) -> None:
        def keep(index: int) -> None:
            self._frames_NHWC[index] = self._decode(index)

        with ThreadPoolExecutor(min(8, available_cores())) as pool:
            done = pool.map(keep, range(self.cached))
            for _ in reporter.track(done, "decoding frames", total=self.cached):
                pass

    def _decode(self, index: int) -> Frame:
        path = self.root / self.samples[index].path
        try:
            return preprocess(decode_image(path, self.spec), self.spec)
        except FrameError as error:
            raise DataError(
                "An image that was readable when the data were checked no longer is.",
                path=path,
                found=error.message,
                remedy="restore the file, or run `edgefit check` again to leave it out",
            ) from error


def frames_in_order(store: FrameStore, batch_size: int = 64) -> Iterator[NDArray[np.uint8]]:
    """All frames of a store, in order, as ``uint8`` (N, H, W, 3); the last batch may be short."""
    for start in range(0, len(store), batch_size):
        stop = min(start + batch_size, len(store))
        yield np.stack([store.frame(i) for i in range(start, stop)])


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


class EpochSampler:
    """Yields ``(epoch, index)`` in an order that depends on (seed, epoch) only.

    Batch normalisation cannot learn from one frame. Where the last batch would hold a single one
    it is dropped; as every epoch has another order, each frame still takes its turn. With several
    ranks the order is cut to a multiple of their number for the same reason: equal shares.

    Args:
        targets_N: Class index of each sample, ``int64`` (N,).
        batch_size: Batch size on one rank.
        seed: The training's seed.
        share_of_class: None permutes all samples. With a power p, an epoch draws as many samples,
            of every class in proportion to its number of samples to the power p; the draws of two
            samples of a class differ by one at most.
        rank: This process, of ``world``.
        world: Number of training processes.

    Raises:
        DataError: There are fewer samples than training processes.
    """

    def __init__(
        self,
        targets_N: NDArray[np.int64],
        *,
        batch_size: int,
        seed: int,
        share_of_class: float | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.targets_N = targets_N
        self.seed = seed
        self.share_of_class = share_of_class
        self.rank = rank
        self.world = world
        self.epoch = 0
        share = len(targets_N) // world
        if share == 0:
            raise DataError(
                "There are fewer training images than training processes.",
                expected=f"at least {world} images",
                found=len(targets_N),
            )
        lonely = batch_size > 1 and share > 1 and share % batch_size == 1
        self._length = share - 1 if lonely else share

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; lightning and torch call this before each one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order_N = self._order_N()[self.rank :: self.world][: self._length]
        return ((self.epoch, int(index)) for index in order_N)

    def _order_N(self) -> NDArray[np.int64]:
        generator = np.random.Generator(np.random.PCG64([self.seed, self.epoch]))
        count = len(self.targets_N)
        order_N = generator.permutation(count)
        if self.share_of_class is None:
            return order_N
        # systematic sampling: an image that is expected 2.4 times is drawn twice or three times
        order_N = order_N[np.argsort(self.targets_N[order_N], kind="stable")]
        images_C = np.bincount(self.targets_N).astype(np.float64)
        ends_N = np.cumsum(images_C[self.targets_N[order_N]] ** (self.share_of_class - 1.0))
        marks_N = (np.arange(count) + generator.random()) * (ends_N[-1] / count)
        drawn_N = np.searchsorted(ends_N, marks_N, side="right").clip(max=count - 1)
        return generator.permutation(order_N[drawn_N])


def collate(items: Sequence[tuple[Frame, int]]) -> Batch:
    """Frames and targets as ``uint8`` (N, H, W, 3) and ``int64`` (N,) tensors."""
    import torch

    frames_NHWC = torch.from_numpy(np.stack([frame for frame, _ in items]))
    return frames_NHWC, torch.tensor([target for _, target in items], dtype=torch.int64)


class TrainingBatches:
    """Batches of a training set in the sampler's order, made ahead by threads or processes.

    Threads are there at once and keep up with a processor's training. For an accelerator see
    :mod:`edgefit.data.batch_processes`. The batches do not depend on who makes them.

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
            from edgefit.data.batch_processes import BatchProcesses

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


class PerThread:
    """An augmentation that several threads may call: each has one of its own.

    Args:
        build: Makes one; called once in each thread.
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
