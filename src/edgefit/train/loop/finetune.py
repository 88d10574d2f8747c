"""Phase two: all layers are trained from where the probe left off, by lightning's Trainer."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from edgefit.data.loader import TrainingBatches
from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError, StageError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.backbones.weights import first_line
from edgefit.train.distributed import launched_world
from edgefit.train.loop.checkpoint import (
    LAST,
    EpochCheckpoint,
    StepProgress,
    read_state_of_last,
)
from edgefit.train.loop.cuda_graphs import OTHER_STREAM
from edgefit.train.loop.loaders import finds_gpu, make_loaders
from edgefit.train.loop.module import FineTuning
from edgefit.train.loop.schedule import Schedule
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.penalty import Penalty
from edgefit.train.split_frames import SplitFrames
from edgefit.train.tasks import TASKS


def fine_tune(
    recipe: Recipe,
    table: SampleTable,
    frames: SplitFrames,
    network: EdgeNetwork,
    card: BackboneCard,
    folder: Path,
    penalties: Sequence[Penalty] = (),
    reporter: Reporter = QUIET,
) -> tuple[FineTuning, pl.Trainer]:
    """Train all layers, or go on with a training that was interrupted.

    Ensures ``finetuned.safetensors`` (the epoch that ``train.keep_epoch`` picks; the averaged
    weights where ``train.ema_decay`` is not 0), ``last.ckpt`` and ``log.csv`` in ``folder``.
    ``network`` itself ends with the weights of the last step, which are not the ones to keep.

    Args:
        recipe: ``model``, ``train`` and ``task`` are read.
        table: The checked samples.
        frames: Frames of its train and val splits.
        network: Holds the weights to start from; frozen parameters do not require a gradient.
        card: The backbone's.
        folder: Where the files go, and where an earlier start left them.
        penalties: Further terms of the loss.
        reporter: Where progress and warnings are shown.

    Returns:
        The module with its history, and the trainer with the devices that were used.

    Raises:
        RecipeError: This machine, or the number of images, does not fit the recipe.
        RunError: The checkpoint of an earlier start is damaged.
        StageError: The loss is not a number or explodes, the network cannot be compiled, or a
            process that makes batches dies.
    """
    config = recipe.train
    learned = config.learns_batch_norm(recipe.model.weights)
    with quiet_lightning():
        trainer = make_trainer(recipe, folder, [EpochCheckpoint(folder)])
    if not trainer.is_global_zero:
        reporter = QUIET
    on_gpu = trainer.strategy.root_device.type == "cuda"
    training, plain = make_loaders(
        config,
        table,
        frames,
        rank=trainer.global_rank,
        world=trainer.world_size,
        ranks_here=trainer.num_devices,
        on_gpu=on_gpu,
        reporter=reporter,
    )
    module = FineTuning(
        network.to(memory_format=torch.channels_last),
        _loss(recipe, table),
        config,
        Schedule(config, len(training)),
        recipe.task,
        card,
        classes=len(table.labels),
        learned_statistics=learned,
        penalties=penalties,
    )
    _make_faster(module, trainer, training, reporter)
    try:
        _go_on(trainer, module, training, plain, folder, reporter)
    finally:
        training.close()
    return module, trainer


def _loss(recipe: Recipe, table: SampleTable) -> torch.nn.Module:
    targets_N = table.of("train").targets_N()
    loss: torch.nn.Module = TASKS[recipe.task].ClassificationLoss(
        recipe.train, targets_N, len(table.labels)
    )
    return loss


def _make_faster(
    module: FineTuning, trainer: pl.Trainer, training: TrainingBatches, reporter: Reporter
) -> None:
    """Compile the backbone if asked for; else on a GPU record it, if a full batch will come.

    Several GPUs exchange gradients during the backward pass, which a recording would leave out.
    """
    if module.config.compile:
        module.compile_backbone()
    elif (
        trainer.strategy.root_device.type == "cuda"
        and trainer.world_size == 1
        and len(training.sampler) >= training.batch_size
    ):
        module.graph_backbone(training.batch_size, reporter)


def _go_on(
    trainer: pl.Trainer,
    module: FineTuning,
    training: TrainingBatches,
    plain: list[DataLoader[Any]],
    folder: Path,
    reporter: Reporter,
) -> None:
    """Run the epochs that no earlier start has run."""
    config, steps = module.config, len(training)
    state = read_state_of_last(folder)
    if state:
        module.on_load_checkpoint({"edgefit": state})
        reporter.say(f"training goes on after epoch {len(module.history)}")
        if module.choice.patience_is_over or len(module.history) >= config.epochs:
            return
    with quiet_lightning(), reporter.bar("training", config.epochs * steps) as advance:
        progress: Any = StepProgress(advance, config, len(module.history), steps, reporter)
        trainer.callbacks.insert(0, progress)  # type: ignore[attr-defined]
        _run_trainer(trainer, module, training, plain, folder if state else None)


def _run_trainer(
    trainer: pl.Trainer,
    module: FineTuning,
    training: TrainingBatches,
    plain: list[DataLoader[Any]],
    resume_from: Path | None,
) -> None:
    try:
        trainer.fit(
            module,
            training,
            plain,
            ckpt_path=str(resume_from / LAST) if resume_from else None,
            weights_only=True,
        )
    except SystemExit:  # lightning turns Ctrl-C into an exit of its own
        if trainer.interrupted:
            raise KeyboardInterrupt from None
        raise
    except torch._dynamo.exc.TorchDynamoException as error:
        raise StageError(
            "The network cannot be compiled on this machine.",
            key="train.compile",
            expected="a C++ compiler that torch can use",
            found=first_line(error),
            remedy="train without it (--set train.compile=false)",
        ) from error
    if trainer.interrupted:
        raise KeyboardInterrupt


def make_trainer(recipe: Recipe, folder: Path, callbacks: list[Any]) -> pl.Trainer:
    """A lightning Trainer for a recipe; devices, precision and many processes are lightning's own.

    Under ``torchrun`` the processes that it started are the devices.

    Raises:
        RecipeError: This machine lacks what the recipe asks for.
    """
    config = recipe.train
    gpu = finds_gpu(config)
    if config.accelerator in ("gpu", "cuda") and not gpu:
        raise RecipeError(
            "This machine has no GPU that torch can use.",
            key="train.accelerator",
            found=config.accelerator,
            remedy="take what is here (--set train.accelerator=auto); `edgefit doctor` shows it",
        )
    precision: Any = config.precision
    if precision == "auto":
        precision = ("bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed") if gpu else 32
    many, where = _devices(recipe, gpu)
    learned = config.learns_batch_norm(recipe.model.weights)
    try:
        return pl.Trainer(
            max_epochs=config.epochs,
            accelerator=config.accelerator if gpu or config.accelerator != "auto" else "cpu",
            strategy="ddp" if many else "auto",
            sync_batchnorm=many and gpu and learned,
            **where,
            precision=precision,
            gradient_clip_val=config.clip_norm or None,
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


def _devices(recipe: Recipe, gpu: bool) -> tuple[bool, dict[str, Any]]:
    """Whether several processes train, and lightning's ``devices`` and ``num_nodes``."""
    config, launched = recipe.train, launched_world()
    if launched > 1:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if config.devices not in ("auto", here):
            raise RecipeError(
                "torchrun started another number of processes than the recipe has devices.",
                key="train.devices",
                expected=f"auto, or {here} as --nproc-per-node",
                found=config.devices,
            )
        return True, {"devices": here, "num_nodes": launched // here}
    if config.devices == "auto":
        return gpu and torch.cuda.device_count() > 1, {"devices": "auto" if gpu else 1}
    return config.devices > 1, {"devices": config.devices}


def _loggers(folder: Path) -> Any:
    """TensorBoard where it is installed; log.csv is always written by the checkpoint callback."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep lightning's hints off the terminal while it works; its errors still come through."""
    loggers = [logging.getLogger(f"lightning.{n}") for n in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning.*")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            warnings.filterwarnings("ignore", message=OTHER_STREAM)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
