"""The moving average of the weights, which validation measures and training keeps.

Polyak & Juditsky 1992; as used in image classification by Tan & Le 2019
(https://arxiv.org/abs/1905.11946). The decay is warmed up, so that the average of a short training
does not consist of its first weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class AverageState(TypedDict):
    """What a checkpoint keeps of a :class:`MovingAverage`."""

    updates: int
    average: dict[str, Tensor]


class MovingAverage:
    """Exponential moving average of the parameters that learn, and of batch-norm statistics.

    It is not an ``nn.Module``: its tensors do not belong to the network, and data-parallel training
    must not exchange them.

    Args:
        network: The network to average; the average starts at its present weights.
        decay: Share of the average that remains after each step, once warmed up.
        buffers: Whether the network's buffers change too (batch norm learns).

    Attributes:
        updates: How many steps have gone into the average.
    """

    def __init__(self, network: nn.Module, decay: float, *, buffers: bool) -> None:
        self.decay = decay
        self.updates = 0
        self._live: dict[str, Tensor] = {
            name: p for name, p in network.named_parameters() if p.requires_grad
        }
        if buffers:
            self._live |= {n: b for n, b in network.named_buffers() if b.is_floating_point()}
        self._network = network
        self._average = {name: live.detach().clone() for name, live in self._live.items()}

    def follow(self) -> None:
        """Move to where the weights are now: their device, type and memory order."""
        everything: dict[str, Tensor] = {
            **dict(self._network.named_parameters()),
            **dict(self._network.named_buffers()),
        }
        self._live = {name: everything[name] for name in self._live}
        self._average = {
            name: torch.empty_like(live, requires_grad=False).copy_(self._average[name])
            for name, live in self._live.items()
        }

    def decay_at(self, update: int) -> float:
        """``min(decay, (1 + t) / (10 + t))``, as in TensorFlow's ExponentialMovingAverage."""
        return min(self.decay, (1 + update) / (10 + update))

    @torch.no_grad()
    def update(self) -> None:
        """Include the weights of one more step."""
        average: Any = get_ema_multi_avg_fn(  # type: ignore[no-untyped-call]
            self.decay_at(self.updates)
        )
        average(list(self._average.values()), [p.detach() for p in self._live.values()], 0)
        self.updates += 1

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange average and weights; a second call brings both back."""
        for name, live in self._live.items():
            weights = live.detach().clone()
            live.copy_(self._average[name])
            self._average[name].copy_(weights)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the network the averaged weights inside the block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def state(self) -> AverageState:
        """What a checkpoint keeps."""
        return {"updates": self.updates, "average": self._average}

    @torch.no_grad()
    def load(self, state: AverageState) -> None:
        """Restore a state that :meth:`state` returned."""
        self.updates = state["updates"]
        for name, own in self._average.items():
            own.copy_(state["average"][name])
