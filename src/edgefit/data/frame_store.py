"""Preprocessed frames of some samples, in memory as far as a budget allows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgefit.data.table import Sample
from edgefit.errors import DataError, FrameError
from edgefit.progress import QUIET, Reporter
from edgefit.runtime.cores import available_cores
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.spec import Frame, InputSpec

if TYPE_CHECKING:
    import torch


class FrameStore:
    """The frames of some samples at input size; as many as the budget allows stay in memory.

    Frames beyond the budget are decoded at each access.

    Args:
        samples: What to hold, in this order.
        root: Folder that the samples' paths are relative to.
        spec: The input contract.
        budget_mb: Memory for frames, in MiB; 0 keeps none.
        reporter: Shows the progress of decoding.

    Raises:
        DataError: A file can no longer be read.
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
            DataError: The file can no longer be read.
        """
        if index < len(self._frames_NHWC):
            return np.asarray(self._frames_NHWC[index])
        return self._decode(index)

    def share(self) -> None:
        """Move the frames in memory to shared memory, so that pickling does not copy them.

        During the move the frames take twice their memory.
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
                "An image that `check` could read can no longer be read.",
                path=path,
                found=error.message,
                remedy="restore the file, or remove it and run `edgefit check RUN` to leave it out",
            ) from error


def frames_in_order(store: FrameStore, batch_size: int = 64) -> Iterator[NDArray[np.uint8]]:
    """All frames of a store, in order, as ``uint8`` (N, H, W, 3); the last batch may be short."""
    for start in range(0, len(store), batch_size):
        stop = min(start + batch_size, len(store))
        yield np.stack([store.frame(i) for i in range(start, stop)])
