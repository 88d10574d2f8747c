"""Learning rates in closed form, so that a resumed run needs no schedule state of its own.

Phase one trains the head alone at a constant rate; phase two trains everything, with a linear
warm-up and a cosine decay (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgefit.recipe import TrainConfig

FLOOR = 0.01
"""The rate never falls below this share of its peak."""


@dataclass(frozen=True)
class Schedule:
    """Rates at each optimiser step.

    Attributes:
        config: Peak rates, epochs and warm-up.
        steps_per_epoch: Optimiser steps in one epoch.
    """

    config: TrainConfig
    steps_per_epoch: int

    @property
    def head_steps(self) -> int:
        """Steps of phase one."""
        return self.config.head_epochs * self.steps_per_epoch

    def backbone_rate(self, step: int) -> float:
        """Absolute learning rate of the backbone at ``step``."""
        return 0.0 if step < self.head_steps else self._second_phase(step)

    def head_rate(self, step: int) -> float:
        """Absolute learning rate of the head at ``step``."""
        if step < self.head_steps:
            return self.config.head_learning_rate
        return self._second_phase(step)

    def _second_phase(self, step: int) -> float:
        total = max(1, (self.config.epochs - self.config.head_epochs) * self.steps_per_epoch)
        warmup = min(total - 1, round(self.config.warmup_epochs * self.steps_per_epoch))
        done = step - self.head_steps
        if done < warmup:
            return self.config.learning_rate * (done + 1) / (warmup + 1)
        progress = min(1.0, (done - warmup) / max(1, total - warmup))
        share = FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * progress))
        return self.config.learning_rate * share
