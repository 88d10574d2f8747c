"""The fine-tuning loop's own part, as a LightningModule; devices and precision are lightning's.

All randomness of a step is derived from (seed, epoch, step, rank), and everything else that a later
epoch depends on is in the checkpoint. So a run that was killed goes on from its last finished epoch
and ends with the same weights, bit for bit, as one that was not.
"""

from __future__ import annotations

import math
import time
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import AdamW

from edgefit.errors import StageError
from edgefit.recipe import TrainConfig
from edgefit.spec import Task
from edgefit.train.backbones.build import keep_frozen_in_eval
from edgefit.train.network import EdgeNetwork
from edgefit.train.schedule import Schedule
from edgefit.train.tasks import TASKS

Batch = tuple[Tensor, Tensor]
State = dict[str, Any]


class FineTuning(pl.LightningModule):
    """Head first, then all layers.

    Args:
        network: What is trained.
        loss: Takes logits (N, C) and targets (N,).
        config: The recipe's training section.
        schedule: Learning rates per step.
        task: Decides how validation is measured.

    Attributes:
        history: One row an epoch; what ``log.csv`` holds.
        best: The row of the best epoch so far.
    """

    def __init__(
        self,
        network: EdgeNetwork,
        loss: nn.Module,
        config: TrainConfig,
        schedule: Schedule,
        task: Task,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.config = config
        self.schedule = schedule
        self.measure = TASKS[task].validation_metrics
        self.history: list[State] = []
        self.best: State | None = None
        self.epochs_without_gain = 0
        self._train_losses: list[Tensor] = []
        self._validation: list[tuple[Tensor, Tensor]] = []
        self._train_end = self._epoch_start = 0.0

    # -- the two phases ----------------------------------------------------------------------

    @property
    def head_only(self) -> bool:
        """Whether the present epoch trains the head alone."""
        return int(self.current_epoch) < self.config.head_epochs

    def on_train_epoch_start(self) -> None:
        self.network.train()
        if self.head_only:
            self.network.backbone.eval()
        else:
            keep_frozen_in_eval(self.network.backbone)
        self._train_losses = []
        self._epoch_start = time.monotonic()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        # not once an epoch: what draws numbers between an epoch's start and its first step (the
        # loader does) differs between the first epoch after a start and the others
        parts = [self.config.seed, self.current_epoch, batch_idx, self.global_rank]
        torch.manual_seed(int(np.random.SeedSequence(parts).generate_state(1)[0]))

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        frames, targets = batch
        logits = self.network.logits(frames, frozen_backbone=self.head_only)
        loss: Tensor = self.loss(logits, targets)
        self._train_losses.append(loss.detach())
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = AdamW(self._groups(), lr=1.0, weight_decay=self.config.weight_decay)
        rates: list[Any] = [
            self.schedule.backbone_rate if group["part"] == "backbone" else self.schedule.head_rate
            for group in optimizer.param_groups
        ]
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rates)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _groups(self) -> list[State]:
        groups: list[State] = []
        for part in ("backbone", "head"):
            learning = [p for p in getattr(self.network, part).parameters() if p.requires_grad]
            # biases and norms are not decayed (He et al. 2019, https://arxiv.org/abs/1812.01187)
            weights = [p for p in learning if p.ndim > 1]
            others = [p for p in learning if p.ndim <= 1]
            groups += [
                {"part": part, "params": weights},
                {"part": part, "params": others, "weight_decay": 0.0},
            ]
        return [g for g in groups if g["params"]]

    # -- validation --------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._train_end = time.monotonic()
        self._validation = []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        frames, targets = batch
        self._validation.append((self.network.logits(frames).float(), targets))

    def on_validation_epoch_end(self) -> None:
        logits = torch.cat([x for x, _ in self._validation]).cpu().numpy()
        targets = torch.cat([t for _, t in self._validation]).cpu().numpy()
        train_loss = float(torch.stack(self._train_losses).mean())
        if not math.isfinite(train_loss) or not np.isfinite(logits).all():
            raise StageError(
                f"Training diverged in epoch {self.current_epoch + 1}: the loss is not a number.",
                key="train.learning_rate",
                found=self.config.learning_rate,
                remedy="start again with a learning rate three to ten times lower "
                f"(--set train.learning_rate={self.config.learning_rate / 5:g})",
            )
        self._record(train_loss, self.measure(logits, targets))

    def _record(self, train_loss: float, measured: dict[str, float]) -> None:
        row: State = {
            "epoch": self.current_epoch + 1,
            "phase": "head" if self.head_only else "all",
            "train_loss": train_loss,
            **{f"val_{name}": value for name, value in measured.items()},
            "learning_rate": self.schedule.backbone_rate(self.global_step - 1)
            or self.schedule.head_rate(self.global_step - 1),
            "seconds": round(self._train_end - self._epoch_start, 2),
        }
        self.history.append(row)
        self.log_dict({k: float(v) for k, v in row.items() if isinstance(v, float)}, logger=True)
        name = f"val_{self.config.metric}"
        gain = math.inf if self.best is None else row[name] - self.best[name]
        has_risen = gain > self.config.early_stopping.min_delta
        # of epochs with the same metric the one with the lower loss is kept, but it is no rise
        tie = self.best is not None and gain == 0 and row["val_loss"] < self.best["val_loss"]
        if has_risen or tie:
            self.best = row
        if has_risen:
            self.epochs_without_gain = 0
        elif not self.head_only:
            self.epochs_without_gain += 1

    @property
    def patience_is_over(self) -> bool:
        """Whether validation has not gained for ``early_stopping.patience`` epochs."""
        patience = self.config.early_stopping.patience
        return patience > 0 and self.epochs_without_gain >= patience

    # -- what a resumed run needs ------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: State) -> None:
        checkpoint["edgefit"] = {
            "history": self.history,
            "best": self.best,
            "epochs_without_gain": self.epochs_without_gain,
        }

    def on_load_checkpoint(self, checkpoint: State) -> None:
        own = checkpoint["edgefit"]
        self.history = own["history"]
        self.best = own["best"]
        self.epochs_without_gain = own["epochs_without_gain"]
