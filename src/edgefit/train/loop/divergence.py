"""Stops a training within the epoch if its loss is not a number, or explodes."""

from __future__ import annotations

import math
from collections import deque

import torch
from torch import Tensor

from edgefit.errors import StageError
from edgefit.train.distributed import mean_over_processes

CHECK_EVERY = 10
"""Steps between two checks of the loss; each check waits for the accelerator."""
EXPLODED = 5.0
"""A mean loss this many times that of guessing is more than noise of a few batches: the network is
confident and wrong, which it was not at the start."""


_HIGH_RATE = 0.1
"""The remedy suggests no higher rate: rates above it are hardly ever useful."""


class LossWatch:
    """Collects the losses of an epoch and checks them every few steps.

    Args:
        classes: Number of classes C; ln C is the loss of guessing.
        learning_rate: Reported in the error.

    Attributes:
        start: The loss of the very first step, before any weight changed; None until known.
    """

    def __init__(self, classes: int, learning_rate: float) -> None:
        self.classes = classes
        self.learning_rate = learning_rate
        self.start: float | None = None
        self._terms: list[dict[str, Tensor]] = []
        self._window: deque[Tensor] = deque(maxlen=CHECK_EVERY)
        self._epoch = 0

    def begin(self, epoch: int) -> None:
        """Forget the previous epoch; ``epoch`` counts from 0."""
        self._epoch = epoch
        self._terms = []

    def add(self, terms: dict[str, Tensor]) -> None:
        """Take the terms of one step's loss, scalars; ``train_loss`` is the task's own.

        Raises:
            StageError: The loss is not finite, or has exploded.
        """
        self._terms.append({name: value.detach().float() for name, value in terms.items()})
        self._window.append(self._terms[-1]["train_loss"])
        if len(self._terms) % CHECK_EVERY == 0 or self.start is None:
            self._look(len(self._terms) if self.start is None else CHECK_EVERY)

    def end(self) -> dict[str, float]:
        """Mean of each term over the epoch and all processes.

        Raises:
            StageError: See :meth:`add`.
        """
        self._look(CHECK_EVERY)
        return self._means(len(self._terms))

    def fail(self, what: str) -> StageError:
        """The error of a training that diverged."""
        return StageError(
            f"Training diverged in epoch {self._epoch + 1}: {what}.",
            key="train.learning_rate",
            found=self.learning_rate,
            remedy="restart with a learning rate three to ten times lower "
            f"(--set train.learning_rate={min(self.learning_rate / 5, _HIGH_RATE):g})",
        )

    def _look(self, steps: int) -> None:
        means = self._means(min(steps, len(self._terms)))
        if not all(math.isfinite(value) for value in means.values()):
            raise self.fail("the loss is not a number")
        if self.start is None:
            self.start = means["train_loss"]
        if len(self._window) < CHECK_EVERY:  # too few steps yet to judge
            return
        loss = float(mean_over_processes(torch.stack(list(self._window)).mean()))
        bound = EXPLODED * max(math.log(self.classes), self.start)
        if loss > bound:
            raise self.fail(
                f"the loss has exploded to {loss:.3g} (it began at {self.start:.3g}; "
                f"guessing gives {math.log(self.classes):.3g})"
            )

    def _means(self, steps: int) -> dict[str, float]:
        recent = self._terms[-steps:]
        means = [torch.stack([terms[name] for terms in recent]).mean() for name in recent[0]]
        values = mean_over_processes(torch.stack(means)).tolist()
        return dict(zip(recent[0], values, strict=True))
