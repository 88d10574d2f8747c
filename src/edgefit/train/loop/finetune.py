"""Phase two: lightning's Trainer trains all layers, starting from the probe's head."""

from __future__ import annotations

import importlib.util
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch.utils.data import DataLoader

from edgefit.data.loader import TrainingBatches
from edgefit.errors import RecipeError, StageError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, TrainConfig
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
from edgefit.train.penalties.penalty import Penalty
from edgefit.train.training import Training


def fine_tune(
    training: Training, penalties: Sequence[Penalty] = ()
) -> tuple[FineTuning, pl.Trainer]:
    """Train all layers, or resume a training that was interrupted.

    Writes ``finetuned.safetensors`` (the epoch that ``train.keep_epoch`` picks; the averaged
    weights if ``train.ema_decay`` is not 0), ``last.ckpt`` and ``log.csv`` to the folder of
    ``training``. Its network ends with the weights of the last step, which are not the ones to
    keep.

    Args:
        training: Data, network and settings; its folder may hold files of an earlier start.
        penalties: Further terms of the loss.

    Returns:
        The module with its history, and the trainer with the devices that were used.

    Raises:
        RecipeError: This machine, or the number of images, does not fit the recipe.
        RunError: The checkpoint of an earlier start is damaged.
        StageError: The loss is not a number or explodes, the network cannot be compiled, or a
            process that makes batches dies.
    """
    recipe, config = training.recipe, training.recipe.train
    with quiet_lightning():
        trainer = make_trainer(recipe, training.folder, [EpochCheckpoint(training.folder)])
    reporter = training.reporter if trainer.is_global_zero else QUIET
    device = trainer.strategy.root_device.type
    batches, plain = make_loaders(
        config,
        training.table,
        training.frames,
        rank=trainer.global_rank,
        world=trainer.world_size,
        ranks_here=trainer.num_devices,
        on_gpu=device == "cuda",
        reporter=reporter,
    )
    module = FineTuning(
        training.network.to(memory_format=torch.channels_last),
        training.loss(recipe, training.table.of("train")),
        training.validation,
        config,
        Schedule(config, len(batches)),
        training.card,
        classes=len(training.table.labels),
        learned_statistics=config.learns_batch_norm(recipe.model.start),
        penalties=penalties,
    )
    way = way_of_running(config, device, trainer.world_size, len(batches.sampler))
    module.run_backbone(way, batches.batch_size, reporter)
    try:
        _go_on(trainer, module, batches, plain, training.folder, reporter)
    finally:
        batches.close()
    return module, trainer


def way_of_running(
    config: TrainConfig, device: str, world: int, images: int
) -> Literal["compiled", "recorded", "plain"]:
    """How training runs the backbone: compiled if asked for, else recorded as a graph on a GPU.

    Several GPUs exchange gradients during the backward pass, which a recording would leave out. A
    recording needs a full batch, so the epoch must have one.

    Args:
        config: ``compile`` and ``batch_size`` are read.
        device: The kind of device: ``cpu``, ``cuda`` ...
        world: Number of training processes.
        images: Training images of an epoch in this process.
    """
    if config.compile:
        return "compiled"
    fills_a_batch = images >= config.batch_size
    return "recorded" if device == "cuda" and world == 1 and fills_a_batch else "plain"


def _go_on(
    trainer: pl.Trainer,
    module: FineTuning,
    training: TrainingBatches,
    plain: list[DataLoader[Any]],
    folder: Path,
    reporter: Reporter,
) -> None:
    """Run the epochs that earlier starts have not run."""
    config, steps = module.config, len(training)
    state = read_state_of_last(folder)
    if state:
        module.load(state)
        reporter.say(f"training resumes after epoch {len(module.history)}")
        if module.judge.patience_is_over or len(module.history) >= config.epochs:
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
    except SystemExit:  # lightning turns Ctrl-C into its own exit
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
    """A lightning Trainer for a recipe; lightning handles devices, precision and processes.

    Under ``torchrun``, each process that it started is a device.

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
            remedy="use what this machine has (--set train.accelerator=auto); `edgefit doctor` "
            "shows it",
        )
    precision: Any = config.precision
    if precision == "auto":
        precision = ("bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed") if gpu else 32
    many, where = _devices(recipe, gpu)
    learned = config.learns_batch_norm(recipe.model.start)
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
            remedy="leave all three at `auto`; `edgefit doctor` shows what this machine has",
        ) from error


def _devices(recipe: Recipe, gpu: bool) -> tuple[bool, dict[str, Any]]:
    """Whether several processes train, and lightning's ``devices`` and ``num_nodes``."""
    config, launched = recipe.train, launched_world()
    if launched > 1:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if config.devices not in ("auto", here):
            raise RecipeError(
                "torchrun started a different number of processes than the recipe has devices.",
                key="train.devices",
                expected=f"auto, or {here} as --nproc-per-node",
                found=config.devices,
            )
        return True, {"devices": here, "num_nodes": launched // here}
    if config.devices == "auto":
        return gpu and torch.cuda.device_count() > 1, {"devices": "auto" if gpu else 1}
    return config.devices > 1, {"devices": config.devices}


def _loggers(folder: Path) -> Any:
    """TensorBoard if it is installed; the checkpoint callback always writes log.csv."""
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Keep lightning's hints off the terminal while it works; its errors still appear."""
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
