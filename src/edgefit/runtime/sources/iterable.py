"""Frames from any Python iterable of arrays: a list, a batch, a generator around a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import partial
from pathlib import PurePath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import FrameError, InputError
from edgefit.runtime.images.as_frame import as_frame
from edgefit.runtime.sources.source import FrameSource, SourceFrame
from edgefit.spec import Frame

Given: TypeAlias = NDArray[Any] | tuple[str, NDArray[Any]]


class IterableSource(FrameSource):
    """Arrays, or pairs of a name and an array.

    An iterator is read ahead of the answers. Its arrays are copied, because many cameras and
    decoders fill one and the same array again; those of a list, a tuple or a batch are not.

    Args:
        frames: Arrays as :func:`.as_frame` takes them (``uint8`` or ``uint16``; RGB, RGBA or grey),
            or pairs ``(name, array)``. A batch is one array (N, H, W, 3).
        live: Whether frames come at their own pace, so that stale ones may be dropped.

    Raises:
        InputError: ``frames`` is one frame.
        Exception: From iterating, what ``frames`` itself raises. An array that is no frame is only
            that frame's error.
    """

    def __init__(self, frames: Iterable[Given], *, live: bool = False) -> None:
        if isinstance(frames, np.ndarray) and frames.ndim < 4:
            raise InputError(
                "A source of frames is needed, not one frame.",
                expected="an iterable of arrays, or an array of shape (N, H, W, 3)",
                found=f"an array of shape {frames.shape}",
                remedy="give a list of frames, or call predictor(frame)",
            )
        self._frames = frames
        self.live = live
        self._stays = isinstance(frames, list | tuple | np.ndarray)

    @property
    def len_hint(self) -> int | None:
        """The number of frames, where the iterable has a length."""
        return len(self._frames) if isinstance(self._frames, Sized) else None

    def __iter__(self) -> Iterator[SourceFrame]:
        for convert in self.pending():
            yield convert()

    def pending(self) -> Iterator[Callable[[], SourceFrame]]:
        """One array each, converted to a frame when it is called."""
        for index, given in enumerate(self._frames):
            name, pixels = _parts(given, index)
            if not self._stays and isinstance(pixels, np.ndarray):
                pixels = pixels.copy()
            at = None if self._stays else time.time()
            yield partial(_shot, index, name, pixels, at, time.monotonic())


def _parts(given: Any, index: int) -> tuple[str, Any]:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str | PurePath):
        return str(given[0]), given[1]
    return f"frame#{index}", given


def _shot(index: int, name: str, pixels: Any, at: float | None, monotonic_s: float) -> SourceFrame:
    frame: Frame | None = None
    error = None
    try:
        frame = as_frame(pixels)
    except FrameError as refused:
        error = f"{refused.message} Expected {refused.expected}, found {refused.found}."
    return SourceFrame(
        index, name, None, frame, error, None, arrived_at=at, arrived_monotonic_s=monotonic_s
    )
