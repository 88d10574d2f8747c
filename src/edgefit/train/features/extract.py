"""Features of a frozen backbone, each computed once.

Training's first phase, the retention probes and the novelty score all need the features of some
images under some weights. The key of a cached row is content: the weights, the frame's bytes and,
for an augmented view, the augmentation. So a larger or smaller set of images reuses existing rows,
and a killed extraction resumes where it stopped.

For the same reason, an augmented view of a frame depends on (seed, view, content of the frame), not
on the frame's place in the data set.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from edgefit.data.augment import Augmentation, build_augmentation
from edgefit.errors import MissingDependencyError, StageError
from edgefit.progress import QUIET, Reporter
from edgefit.records.train import EngineComparison, FeatureFacts
from edgefit.spec import Frame, InputSpec
from edgefit.train.features.cache import FeatureCache
from edgefit.train.features.engines import (
    BATCH,
    FeatureEngine,
    OpenvinoEngine,
    TorchEngine,
    choose_engine,
)
from edgefit.train.network import EdgeNetwork

__all__ = [
    "MEASURE_FROM",
    "Extraction",
    "FeatureCache",
    "FrameSource",
    "NamedAugmentation",
    "extract_features",
    "extract_views",
    "frame_digest",
    "named_augmentation",
    "network_digest",
    "view_digest",
]

MEASURE_FROM = 4000
"""For fewer images torch computes: a measurement would not pay off, and no choice is recorded."""

_FLUSH_BATCHES = 16
_MEASURED_BATCHES = 3


class FrameSource(Protocol):
    """A source of frames of one size, such as :class:`edgefit.data.frame_store.FrameStore`."""

    def __len__(self) -> int: ...

    def frame(self, index: int) -> Frame:
        """One frame, ``uint8`` (H, W, 3) RGB."""
        ...


@dataclass(frozen=True)
class NamedAugmentation:
    """An augmentation with a text that changes whenever its results change.

    Attributes:
        identity: The text; part of the cache's key.
        augment: ``(frame, seed) -> frame``; called from one thread.
    """

    identity: str
    augment: Augmentation


@dataclass(frozen=True)
class Extraction:
    """Features and how they came about.

    Attributes:
        features_VNF: ``float32`` (V, N, F), views first.
        engine: The engine that computed missing rows; None if none was missing.
        computed: Images times views that were computed.
        reused: Images times views that were cached or equal to another.
        images_per_second: Speed of computing, with augmentation; None if no row was missing.
        measured: The measurement that chose the engine; empty if none was needed.
    """

    features_VNF: NDArray[np.float32]
    engine: str | None
    computed: int
    reused: int
    images_per_second: float | None
    measured: EngineComparison = field(default_factory=EngineComparison)

    def facts(self) -> FeatureFacts:
        """All but the features."""
        return FeatureFacts(
            engine=self.engine,
            computed=self.computed,
            reused=self.reused,
            images_per_second=self.images_per_second,
            measured=self.measured,
        )


def named_augmentation(name_or_path: str, spec: InputSpec) -> NamedAugmentation | None:
    """The augmentation of ``train.augment`` with its identity; None for ``none``.

    Raises:
        DataError: No such preset or file.
    """
    if name_or_path == "none":
        return None
    augment = build_augmentation(name_or_path, spec)
    pipeline: Any = getattr(augment, "pipeline", None)
    text = json.dumps(pipeline.to_dict(), sort_keys=True, default=str)
    return NamedAugmentation(text, augment)


def extract_features(
    network: EdgeNetwork,
    store: FrameSource,
    *,
    cache: FeatureCache | None,
    augmentation: NamedAugmentation | None = None,
    view: int = 0,
    seed: int = 0,
    reporter: Reporter = QUIET,
) -> NDArray[np.float32]:
    """Features ``float32`` (N, F) of one view of a store's frames, in its order.

    See :func:`extract_views` for the arguments and errors.
    """
    extraction = extract_views(
        network,
        store,
        [view],
        cache=cache,
        augmentation=augmentation,
        seed=seed,
        reporter=reporter,
    )
    features_NF: NDArray[np.float32] = extraction.features_VNF[0]
    return features_NF


def extract_views(
    network: EdgeNetwork,
    store: FrameSource,
    views: Sequence[int],
    *,
    cache: FeatureCache | None,
    augmentation: NamedAugmentation | None = None,
    seed: int = 0,
    reporter: Reporter = QUIET,
) -> Extraction:
    """Features of several views of a store's frames.

    Args:
        network: Its backbone and normalisation are used; it does not change, whatever its mode.
        store: The frames; those in memory are read twice, others are decoded twice.
        views: View 0 is the frame itself, a larger number an augmented one.
        cache: Where rows are kept; None computes all of them.
        augmentation: Makes the views above 0.
        seed: Seed of the augmented views.
        reporter: Shows the progress.

    Raises:
        StageError: There are no frames, or a view above 0 has no augmentation.
        DataError: An image can no longer be read.
    """
    if not len(store):
        raise StageError("There are no images to compute features of.")
    if any(views) and augmentation is None:
        raise StageError(
            "Augmented views need an augmentation.", key="train.augment", found=list(views)
        )
    digests = [frame_digest(store.frame(index)) for index in range(len(store))]
    work = _Work(network, store, cache, augmentation, seed, reporter, digests)
    return work.run(views)


def frame_digest(frame: Frame) -> bytes:
    """SHA-256 of a frame's pixels and shape."""
    digest = hashlib.sha256(repr(frame.shape).encode())
    digest.update(np.ascontiguousarray(frame).data)
    return digest.digest()


def network_digest(network: EdgeNetwork, shape_HWC: tuple[int, ...]) -> str:
    """Hash of what determines a plain frame's features: weights, normalisation, size, library."""
    digest = hashlib.sha256(f"{torch.__version__} {tuple(shape_HWC)}".encode())
    state = network.state_dict()
    for name in sorted(state):
        if name.startswith("backbone.") or name in ("mean_255", "std_255"):
            tensor = state[name].detach().cpu().contiguous()
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]


def view_digest(augmentation: NamedAugmentation | None, view: int, seed: int) -> str:
    """Hash of a view; for the plain one it does not depend on augmentation and seed."""
    if view == 0 or augmentation is None:
        return "plain"
    text = f"{view} {seed} {augmentation.identity}"
    return f"{view:02d}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


_Item = tuple[int, bytes]
"""View and digest of a frame."""


@dataclass
class _Work:
    """One extraction: what is known, what is missing, and the loop that computes it."""

    network: EdgeNetwork
    store: FrameSource
    cache: FeatureCache | None
    augmentation: NamedAugmentation | None
    seed: int
    reporter: Reporter
    digests: list[bytes]
    measured: EngineComparison = field(default_factory=EngineComparison)

    def __post_init__(self) -> None:
        self.place = {digest: index for index, digest in reversed(list(enumerate(self.digests)))}
        self.shape_HWC = self.store.frame(0).shape
        self.name = network_digest(self.network, self.shape_HWC)

    def run(self, views: Sequence[int]) -> Extraction:
        rows: dict[_Item, NDArray[np.float32]] = {}
        for view in views:
            known = (
                self.cache.rows(self.name, self._view(view), self.reporter) if self.cache else {}
            )
            rows.update(((view, d), known[d]) for d in self.place if d in known)
        missing = [(view, d) for view in views for d in self.place if (view, d) not in rows]
        engine, seconds = None, 0.0
        if missing:
            engine = self._engine(missing)
            started = time.perf_counter()
            rows.update(self._compute(engine, missing))
            seconds = time.perf_counter() - started
        return Extraction(
            features_VNF=np.stack(
                [np.stack([rows[view, digest] for digest in self.digests]) for view in views]
            ),
            engine=engine.name if engine else None,
            computed=len(missing),
            reused=len(views) * len(self.digests) - len(missing),
            images_per_second=round(len(missing) / seconds, 1) if missing else None,
            measured=self.measured,
        )

    def _engine(self, missing: Sequence[_Item]) -> FeatureEngine:
        """torch on a GPU or for few images, else the engine chosen earlier or measured now."""
        if self.network.mean_255.device.type != "cpu":
            return TorchEngine(self.network)
        chosen = self.cache.chosen_engine(self.name, self.reporter) if self.cache else None
        if chosen == "openvino":
            try:
                return OpenvinoEngine(self.network, (self.shape_HWC[0], self.shape_HWC[1]))
            except (MissingDependencyError, StageError) as error:
                self.reporter.warn(f"torch computes the remaining features: {error.message}")
                return TorchEngine(self.network)
        if chosen == "torch" or len(missing) < MEASURE_FROM:
            return TorchEngine(self.network)
        few = missing[: BATCH * _MEASURED_BATCHES]
        batches = [self._frames(items) for items in _batches(few)]
        engine, self.measured = choose_engine(self.network, batches, len(missing))
        if self.cache:
            self.cache.keep_engine(self.name, engine.name, self.measured)
        return engine

    def _compute(
        self, engine: FeatureEngine, missing: Sequence[_Item]
    ) -> dict[_Item, NDArray[np.float32]]:
        rows: dict[_Item, NDArray[np.float32]] = {}
        unsaved: list[_Item] = []
        try:
            with self.reporter.bar("computing features", len(missing)) as advance:
                for items, frames_NHWC in _ahead(self._frames, _batches(missing)):
                    features_NF = engine.features(frames_NHWC)[: len(items)]
                    rows.update(zip(items, features_NF, strict=True))
                    unsaved += items
                    if len(unsaved) >= BATCH * _FLUSH_BATCHES:
                        self._save(unsaved, rows)
                        unsaved = []
                    advance(len(items))
        finally:
            self._save(unsaved, rows)
        return rows

    def _save(self, items: Sequence[_Item], rows: dict[_Item, NDArray[np.float32]]) -> None:
        if self.cache:
            for view in sorted({view for view, _ in items}):
                some = {digest: rows[v, digest] for v, digest in items if v == view}
                self.cache.add(self.name, self._view(view), some)

    def _frames(self, items: Sequence[_Item]) -> NDArray[np.uint8]:
        """The frames of up to BATCH items; the last frame fills the rest of the batch."""
        frames = [self._frame(view, digest) for view, digest in items]
        return np.stack(frames + frames[-1:] * (BATCH - len(frames)))

    def _frame(self, view: int, digest: bytes) -> Frame:
        frame = self.store.frame(self.place[digest])
        if view == 0 or self.augmentation is None:
            return frame
        entropy = [self.seed, view, int.from_bytes(digest[:16])]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        return self.augmentation.augment(frame, seed)

    def _view(self, view: int) -> str:
        return view_digest(self.augmentation, view, self.seed)


def _batches(items: Sequence[_Item]) -> list[Sequence[_Item]]:
    return [items[start : start + BATCH] for start in range(0, len(items), BATCH)]


def _ahead(
    make: Callable[[Sequence[_Item]], NDArray[np.uint8]], batches: Iterable[Sequence[_Item]]
) -> Iterator[tuple[Sequence[_Item], NDArray[np.uint8]]]:
    """Batches with their frames; a thread prepares the next ones while the engine works."""
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[tuple[Sequence[_Item], Future[NDArray[np.uint8]]]] = deque()
        for items in batches:
            waiting.append((items, pool.submit(make, items)))
            if len(waiting) > 2:
                first, future = waiting.popleft()
                yield first, future.result()
        for items, future in waiting:
            yield items, future.result()
