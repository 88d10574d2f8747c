"""Phase two: all layers are trained from where the probe left off, by lightning's Trainer."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from edgefit.data.loader import TrainingBatches
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.progress import Reporter
from edgefit.recipe import Recipe
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.backbones.weights import first_line
from edgefit.train.batches import make_loaders
from edgefit.train.checkpoint import (
    LAST,
    EpochCheckpoint,
    StepProgress,
    read_state_of_last,
)
from edgefit.train.module import FineTuning
from edgefit.train.network import EdgeNetwork
from edgefit.train.schedule import Schedule
from edgefit.train.steps import Penalty
from edgefit.train.tasks import TASKS


def _fit(
    recipe: Recipe,
    table: SampleTable,
    network: EdgeNetwork,
    card: BackboneCard,
    folder: Path,
    reporter: Reporter,
) -> tuple[FineTuning, pl.Trainer]:
    config = recipe.train
    with _quiet_lightning():
        trainer = make_trainer(recipe, folder, [EpochCheckpoint(folder)])
    training, validation = make_loaders(
        config,
        table,
        input_spec(recipe, card),
        reporter,
        rank=trainer.global_rank,
        world=trainer.world_size,
    )
    steps = len(training)
    targets_N = table.of("train").targets_N()
    loss = TASKS[recipe.task].ClassificationLoss(config, targets_N, len(table.labels))
    module = FineTuning(network, loss, config, Schedule(config, steps), recipe.task)
    module.to(memory_format=torch.channels_last)
    state = read_state_of_last(folder)
    done = len(state["history"]) if state else 0
    with _quiet_lightning(), reporter.bar("training", config.epochs * steps) as advance:
        progress: Any = StepProgress(advance, config.metric, done, steps)
        trainer.callbacks.insert(0, progress)  # type: ignore[attr-defined]
        if state:
            reporter.say(f"training goes on after epoch {done}")
            module.on_load_checkpoint({"edgefit": state})
        if not (state and (module.patience_is_over or done >= config.epochs)):
            _run_trainer(trainer, module, training, validation, folder if state else None)
    return module, trainer


def _run_trainer(
    trainer: pl.Trainer,
    module: FineTuning,
    training: TrainingBatches,
    validation: DataLoader[Any],
    resume_from: Path | None,
) -> None:
    try:
        trainer.fit(
            module,
            training,
            validation,
            ckpt_path=str(resume_from / LAST) if resume_from else None,
            weights_only=True,
        )
    except SystemExit:  # lightning turns Ctrl-C into an exit of its own
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    if trainer.interrupted:
        raise KeyboardInterrupt


def make_trainer(recipe: Recipe, folder: Path, callbacks: list[Any]) -> pl.Trainer:
    """A lightning Trainer for a recipe; devices, precision and many GPUs are lightning's own.

    Raises:
        RecipeError: This machine lacks what the recipe asks for.
    """
    config = recipe.train
    many = config.devices not in (1, "auto") or (
        config.devices == "auto" and config.accelerator != "cpu" and torch.cuda.device_count() > 1
    )
    gpu = config.accelerator != "cpu" and torch.cuda.is_available()
    precision: Any = config.precision
    if precision == "auto":
        precision = ("bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed") if gpu else 32
    devices: Any = 1 if config.devices == "auto" and not gpu else config.devices
    try:
        return pl.Trainer(
            max_epochs=config.epochs,
            accelerator=config.accelerator if gpu or config.accelerator != "auto" else "cpu",
            devices=devices,
            strategy="ddp_find_unused_parameters_true" if many else "auto",
            precision=precision,
            callbacks=callbacks,
            logger=_loggers(folder),
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=True,
            log_every_n_steps=1000000,
            default_root_dir=folder,
        )
    except (MisconfigurationException, ValueError) as error:
        raise RecipeError(
            "This machine cannot train in the way the recipe asks for.",
            key="train.accelerator / train.devices / train.precision",
            found=f"{config.accelerator} / {config.devices} / {config.precision}: "
            f"{first_line(error)}",
            remedy="leave all three at `auto`, or run `edgefit doctor` to see what is here",
        ) from error


def _loggers(folder: Path) -> Any:
    """TensorBoard where it is installed; log.csv is always written by the checkpoint callback."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep lightning's hints off the terminal while it works; its errors still come through."""
    loggers = [logging.getLogger(f"lightning.{n}") for n in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
