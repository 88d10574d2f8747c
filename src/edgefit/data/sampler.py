"""The order of an epoch: a function of (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edgefit.errors import DataError

CLASS_SHARES = {"sampler": 0.0, "square-root-sampler": 0.5}
"""The power p of each ``train.balance`` that draws: classes occur in proportion to (images)^p.

The root is a compromise: rare classes occur more often, and large ones, which may be the hard ones,
do not vanish (Mahajan et al. 2018, https://arxiv.org/abs/1805.00932).
"""


class EpochSampler:
    """Yields ``(epoch, index)`` in an order that depends on (seed, epoch) only.

    Batch normalisation cannot learn from one frame, so a last batch of a single frame is dropped.
    Every epoch has another order, so no frame is left out for good. With several ranks, the order
    is cut to a multiple of their number, so that each rank gets an equal share.

    Args:
        targets_N: Class index of each sample, ``int64`` (N,).
        batch_size: Batch size on one rank.
        seed: The training's seed.
        share_of_class: None permutes all samples. With a power p, an epoch draws the same number
            of samples, from each class in proportion to its number of samples to the power p. Two
            samples of a class are drawn equally often, give or take one.
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
