"""The line between the probe-only and the fine-tuned weights, and the point on it that is kept.

WiSE-FT (Wortsman et al. 2022, https://arxiv.org/abs/2109.01903): fine-tuning gains accuracy on the
target and loses general knowledge. On the straight line between the weights before and after, most
of the gain is reached long before most of the loss. Where batch norms learned their own statistics,
those of a point on the line cannot be interpolated; they are recomputed (Izmailov et al. 2018,
https://arxiv.org/abs/1803.05407, section 3.2).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from edgefit.data.frame_store import FrameStore
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import InterpolationConfig
from edgefit.records.train import KeptWeights, LinePoint
from edgefit.train.network import EdgeNetwork

State = Mapping[str, Tensor]
Measure = Callable[[EdgeNetwork], dict[str, float]]
"""Returns the validation metrics of a network in eval mode."""

_STATISTICS_IMAGES = 2048
_BATCH = 64


@dataclass(frozen=True)
class Line:
    """The measurements along the line.

    Attributes:
        points: One entry per point; alpha 0 is the probe only, 1 the fine-tuned network.
        alpha: The chosen point.
        state: Its weights.
    """

    points: tuple[LinePoint, ...]
    alpha: float
    state: dict[str, Tensor]

    def kept(self, config: InterpolationConfig, metric: str) -> KeptWeights:
        """The part of the record about the chosen point."""
        return KeptWeights(
            what="interpolated",
            points=self.points,
            alpha=self.alpha,
            metric=metric,
            rule=config.rule,
            tolerance=config.tolerance,
        )


def interpolate(
    network: EdgeNetwork,
    start: State,
    end: State,
    config: InterpolationConfig,
    *,
    metric: str,
    measure: Measure,
    recompute: FrameStore | None = None,
    reporter: Reporter = QUIET,
) -> Line:
    """Measure the points of the line and choose one.

    Args:
        network: Any network of this shape; it is copied and does not change.
        start: Weights of the probe-only network.
        end: Weights of the fine-tuned network.
        config: Number of points and the rule.
        metric: The metric the rule looks at; more is better.
        measure: Measures a network on validation.
        recompute: Training frames for the statistics of learned batch norms; None keeps the
            interpolated ones, which are right if both ends share them.
    """
    moving = copy.deepcopy(network).cpu().eval()
    points = []
    alphas = [float(a) for a in np.linspace(0.0, 1.0, config.points)]
    for alpha in reporter.track(alphas, "between the weights"):
        _load(moving, between(start, end, alpha), recompute if 0 < alpha < 1 else None)
        points.append(LinePoint(alpha=alpha, metrics=measure(moving)))
    alpha = choose(points, metric, config)
    _load(moving, between(start, end, alpha), recompute if 0 < alpha < 1 else None)
    return Line(tuple(points), alpha, {k: v.clone() for k, v in moving.state_dict().items()})


def between(start: State, end: State, alpha: float) -> dict[str, Tensor]:
    """``(1 - alpha) * start + alpha * end`` for every float tensor; counters are those of ``end``.

    Alpha 0 and 1 return the ends bit for bit.
    """
    if alpha in (0.0, 1.0):
        return dict(end if alpha else start)
    return {
        name: torch.lerp(start[name], value, alpha) if value.is_floating_point() else value
        for name, value in end.items()
    }


def choose(points: Sequence[LinePoint], metric: str, config: InterpolationConfig) -> float:
    """The alpha that a rule picks.

    ``best``: the highest metric, among equal ones the lower loss. ``general``: the smallest alpha
    whose metric is at most ``tolerance`` below the highest.
    """
    highest = max(point.metrics[metric] for point in points)
    if config.rule == "general":
        near = [p for p in points if p.metrics[metric] >= highest - config.tolerance - 1e-12]
        return min(p.alpha for p in near)
    best = [p for p in points if p.metrics[metric] == highest]
    return min(best, key=lambda p: (p.metrics["loss"], p.alpha)).alpha


def _load(network: EdgeNetwork, state: State, recompute: FrameStore | None) -> None:
    network.load_state_dict(dict(state))
    if recompute is not None:
        recompute_statistics(network, recompute)


def recompute_statistics(network: EdgeNetwork, store: FrameStore) -> None:
    """Set batch-norm statistics to the plain mean over up to 2,048 training frames, evenly spaced.

    The frames are shuffled first: data sets are ordered by class, and a batch of one class varies
    less than a training batch. (Without shuffling, road signs: 88 mistakes of 1,092 instead of 7.)
    """
    network.eval()  # no dropout, no stochastic depth: only the norms below use the batch
    norms = [
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and any(p.requires_grad for p in module.parameters(recurse=False))  # not frozen ones
    ]
    count = min(len(store), _STATISTICS_IMAGES)
    chosen_N = np.linspace(0, len(store) - 1, count).astype(int)
    chosen_N = np.random.default_rng(0).permutation(chosen_N)
    batches = max(1, count // _BATCH)  # a batch of one has no variance
    with _averaging(norms), torch.no_grad():
        for part in np.array_split(chosen_N, batches):
            frames_NHWC = np.stack([store.frame(int(index)) for index in part])
            network.backbone(network.normalise(torch.from_numpy(frames_NHWC)))
    network.eval()


@contextmanager
def _averaging(norms: Sequence[nn.modules.batchnorm._BatchNorm]) -> Iterator[None]:
    """Let batch norms take the cumulative mean (``momentum`` None) inside the block."""
    momenta = [norm.momentum for norm in norms]
    counters = [_counter(norm).clone() for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    try:
        yield
    finally:
        for norm, momentum, counter in zip(norms, momenta, counters, strict=True):
            norm.momentum = momentum
            norm.eval()
            _counter(norm).copy_(counter)


def _counter(norm: nn.modules.batchnorm._BatchNorm) -> Tensor:
    assert norm.num_batches_tracked is not None
    return norm.num_batches_tracked
