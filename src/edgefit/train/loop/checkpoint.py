"""The files that training writes after every epoch, each complete or not written at all."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, Checkpoint

from edgefit.atomic import written_whole
from edgefit.errors import RunError
from edgefit.progress import Advance, Reporter
from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow
from edgefit.train.backbones.weights import UNREADABLE, first_line
from edgefit.train.loop.module import FineTuning, LoopState
from edgefit.train.loop.overfitting import gap_in_words
from edgefit.train.weight_files import FINETUNED, save_weights

LAST = "last.ckpt"
LOG = "log.csv"


class EpochCheckpoint(Checkpoint):
    """Save the weights to keep, the log and the whole training state, in this order.

    The state comes last: files that a kill leaves without it belong to an epoch that is repeated
    with the same result.

    Args:
        folder: Where the files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, FineTuning)
        if trainer.is_global_zero:
            if pl_module.judge.kept is pl_module.history[-1]:
                with pl_module.average.applied() if pl_module.average else nullcontext():
                    save_weights(pl_module.network, self.folder / FINETUNED)
            write_log(pl_module.history, self.folder / LOG)
        if pl_module.judge.patience_is_over:
            trainer.should_stop = True
        temporary = self.folder / f"{LAST}.part"
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            temporary.replace(self.folder / LAST)


class StepProgress(Callback):
    """Moves one bar over all epochs, with the latest validation result beside it.

    Args:
        advance: Moves the bar by steps.
        config: Its metric is shown; one warning follows if the gap exceeds its bound.
        done_epochs: Epochs done by an earlier start.
        steps: Steps in an epoch.
        reporter: Shows the warning.
    """

    def __init__(
        self,
        advance: Advance,
        config: TrainConfig,
        done_epochs: int,
        steps: int,
        reporter: Reporter,
    ) -> None:
        self.advance = advance
        self.config = config
        self.reporter = reporter
        advance(done_epochs * steps)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        self.advance(1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, FineTuning)
        history, metric = pl_module.history, self.config.metric
        row = history[-1]
        told = f"epoch {row.epoch}: {metric} {row.validation[metric]:.4f}"
        small = (row.height, row.width) != pl_module.network.spec.shape_HWC[:2]
        self.advance(0, f"{told} at {row.size_in_words}" if small else told)
        warning = gap_in_words(history, self.config)
        if warning and not gap_in_words(history[:-1], self.config):
            self.reporter.warn(warning)


def write_log(history: Sequence[EpochRow], target: Path) -> None:
    """Write the rows so far as CSV, atomically."""
    rows = [row.to_json() for row in history]
    with written_whole(target) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_state_of_last(folder: Path) -> LoopState | None:
    """edgefit's part of the last checkpoint; None if there is none.

    Raises:
        RunError: The checkpoint is damaged, or another release wrote it.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        own: LoopState = checkpoint["edgefit"]
        for row in own["history"]:
            EpochRow.model_validate(row)
    except UNREADABLE as error:
        raise RunError(
            "The training checkpoint is damaged, or another release wrote it.",
            path=path,
            found=first_line(error),
            remedy="remove it; training then starts from the beginning",
        ) from error
    return own
