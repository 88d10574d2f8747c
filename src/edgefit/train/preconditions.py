"""Checks that refuse a recipe before anything is replaced or takes time.

A stage that begins removes the results of earlier inputs. A value that training cannot use must be
refused before that, or it would cost a finished training.
"""

from __future__ import annotations

from pathlib import Path

from edgefit.data.augment import build_augmentation
from edgefit.data.table import SampleTable
from edgefit.recipe import Recipe
from edgefit.spec import InputSpec
from edgefit.train.loop.finetune import make_trainer, quiet_lightning
from edgefit.train.loop.loaders import share_of_batch
from edgefit.train.penalties.replay import read_replayed
from edgefit.train.penalties.teacher import build_teacher
from edgefit.train.tasks import TASKS


def require_devices(recipe: Recipe, folder: Path) -> None:
    """Make sure that this machine can train as the recipe asks.

    Raises:
        RecipeError: It lacks a device, or a precision.
    """
    _world_size(recipe, folder)


def require_trainable(recipe: Recipe, table: SampleTable, spec: InputSpec, folder: Path) -> None:
    """Make sure that a training that has begun will not refuse anything in the recipe.

    Args:
        recipe: ``train`` and ``retention.general`` are read.
        table: The checked samples.
        spec: The input contract.
        folder: Folder of the stage.

    Raises:
        RecipeError: The machine, or the number of images, does not fit; a teacher has other
            classes.
        DataError: The augmentation is not valid, or the general folder cannot be used.
        RunError: The teacher's run does not exist or is unfinished.
    """
    config = recipe.train
    build_augmentation(config.augment, spec)
    if not _trains_on_devices(recipe):
        return
    share_of_batch(config.batch_size, len(table.of("train")), _world_size(recipe, folder))
    if config.teacher is not None:
        build_teacher(recipe, config.teacher, table)
    if config.keep.replay:
        read_replayed(recipe, spec)


def _world_size(recipe: Recipe, folder: Path) -> int:
    if not _trains_on_devices(recipe):
        return 1
    with quiet_lightning():
        return make_trainer(recipe, folder, []).world_size


def _trains_on_devices(recipe: Recipe) -> bool:
    return any(phase.trains_on_devices for phase in TASKS[recipe.task].phases(recipe))
