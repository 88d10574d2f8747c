"""The stage ``train``: from a checked data set to the best weights of a fine-tuning."""

from __future__ import annotations

import importlib.util
import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from edgefit.bundle import sha256_of
from edgefit.data.loader import TrainingBatches
from edgefit.data.stage import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec, LabelMap
from edgefit.train.backbones.build import build_backbone, check_input_size, freeze_stages
from edgefit.train.backbones.card import BackboneCard, load_card
from edgefit.train.backbones.weights import (
    WeightsReport,
    first_line,
    load_weights,
    read_state,
)
from edgefit.train.batches import make_loaders
from edgefit.train.checkpoint import (
    BEST,
    LAST,
    EpochCheckpoint,
    StepProgress,
    read_state_of_last,
)
from edgefit.train.module import FineTuning
from edgefit.train.network import EdgeNetwork
from edgefit.train.schedule import Schedule
from edgefit.train.tasks import TASKS

SUMMARY = "train.json"


def train(run: RunFolder, reporter: Reporter = QUIET) -> dict[str, Any]:
    """Fine-tune, or go on with a fine-tuning that was interrupted.

    Requires the stage ``check``. Ensures ``train/best.safetensors``, ``log.csv`` and
    ``train.json``.

    Returns:
        The summary that ``train.json`` holds.

    Raises:
        RunError: ``check`` has not ended here, or a checkpoint is damaged.
        WeightsError: The pretrained weights cannot be used.
        StageError: The loss is not a number.
    """
    recipe = run.recipe()
    run.require("check")
    if run.is_done("train", recipe):
        reporter.say("[dim]train: already done with these inputs[/]")
        return run.read_json("train", SUMMARY)
    folder = run.stage_dir("train")
    if not run.begin("train", recipe):
        for name in (LAST, BEST):
            (folder / name).unlink(missing_ok=True)
    table = frozen_samples(run)
    network, card, weights = build_network(recipe, table.labels, reporter)
    started = time.monotonic()
    module, trainer = _fit(recipe, table, network, card, folder, reporter)
    if not trainer.is_global_zero:
        # every training process was started with the whole command; the first goes on alone
        raise SystemExit(0)
    summary = _summary(module, trainer, card, weights, time.monotonic() - started)
    run.write_json("train", SUMMARY, summary)
    run.mark_done("train", recipe, outputs=sha256_of(folder / BEST))
    return summary


def build_network(
    recipe: Recipe, labels: LabelMap, reporter: Reporter = QUIET
) -> tuple[EdgeNetwork, BackboneCard, WeightsReport]:
    """The network a recipe names, filled with its pretrained weights, head at random (seeded)."""
    card = load_card(recipe.model.backbone)
    check_input_size(card, recipe.input.width, recipe.input.height)
    torch.manual_seed(recipe.train.seed)
    backbone = build_backbone(card)
    weights = load_weights(backbone, card, recipe.model.weights)
    if weights.source == "none":
        reporter.say(f"{card.title} starts from random weights (model.weights: none)")
    else:
        reporter.say(
            f"{card.title} starts from {weights.source}: {len(weights.missing)} tensors missing, "
            f"{len(weights.unexpected)} unexpected {weights.unexpected[:3] or ''}"
        )
    head = TASKS[recipe.task].build_head(card.feature_dim, len(labels), recipe.model.dropout)
    freeze_stages(backbone, card, recipe.train.freeze_stages)
    return EdgeNetwork(backbone, head, input_spec(recipe, card)), card, weights


def input_spec(recipe: Recipe, card: BackboneCard | None = None) -> InputSpec:
    """The input contract of a recipe: its sizes, its backbone's normalisation."""
    card = card or load_card(recipe.model.backbone)
    return recipe.input.to_spec(card.mean, card.std)


def load_trained(run: RunFolder) -> EdgeNetwork:
    """The best network of a run, in eval mode on the CPU.

    Raises:
        RunError: Training has not ended here.
        WeightsError: The weights are damaged.
    """
    run.require("train")
    recipe = run.recipe()
    card = load_card(recipe.model.backbone)
    head = TASKS[recipe.task].build_head(card.feature_dim, len(run.labels()), recipe.model.dropout)
    network = EdgeNetwork(build_backbone(card), head, input_spec(recipe, card))
    network.load_state_dict(read_state(run.root / "train" / BEST))
    return network.eval().to(memory_format=torch.channels_last)


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


def _summary(
    module: FineTuning,
    trainer: pl.Trainer,
    card: BackboneCard,
    weights: WeightsReport,
    seconds: float,
) -> dict[str, Any]:
    assert module.best is not None
    return {
        "backbone": card.id,
        "weights": weights.to_dict(),
        "best": module.best,
        "epochs": len(module.history),
        "stopped_early": len(module.history) < module.config.epochs,
        "training_seconds": round(sum(row["seconds"] for row in module.history), 1),
        "wall_seconds_of_this_start": round(seconds, 1),
        "history": module.history,
        "device": str(trainer.strategy.root_device),
        "threads": torch.get_num_threads(),
    }


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
