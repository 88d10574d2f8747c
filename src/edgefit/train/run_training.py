"""A training from start to end: from a checked data set to the best weights.

For classification::

    pretrained backbone --> phase one: probe          --> probe.safetensors
                        --> phase two: all layers     --> finetuned.safetensors
                        --> a point between the two   --> best.safetensors

The task says which phases there are. A phase whose file exists does not run again, so a killed
training resumes where it was.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.train import ProbeRecord, TrainRecord, WeightsReport
from edgefit.train.assembly import build_network
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.backbones.weights import read_state
from edgefit.train.distributed import is_first_process
from edgefit.train.loop.checkpoint import LAST, LOG
from edgefit.train.loop.loaders import prepare_workers
from edgefit.train.loop.overfitting import gap_in_words
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.build import build_penalties
from edgefit.train.phases.phase import Outcome, run_phases
from edgefit.train.preconditions import require_trainable
from edgefit.train.split_frames import decode_splits
from edgefit.train.tasks import TASKS
from edgefit.train.training import Training
from edgefit.train.weight_files import BEST, save_state


@dataclass(frozen=True)
class Prepared:
    """A training whose recipe and data have passed every check."""

    table: SampleTable
    network: EdgeNetwork
    card: BackboneCard
    weights: WeightsReport


def prepare(
    recipe: Recipe, table: SampleTable, folder: Path, reporter: Reporter = QUIET
) -> Prepared:
    """Build the network and make every check that training needs.

    Raises:
        WeightsError: The pretrained weights cannot be used.
        RecipeError: The machine, or the number of images, does not fit.
    """
    prepare_workers(recipe.train)
    network, card, weights = build_network(recipe, table.labels, reporter)
    require_trainable(recipe, table, network.spec, folder)
    return Prepared(table, network, card, weights)


def remove_leftovers(folder: Path, reporter: Reporter) -> None:
    """Remove the files that a training with other inputs left.

    Cached features stay, and so does whatever else is in the folder.
    """
    if (folder / BEST).is_file():
        reporter.say("the earlier training had other inputs and is replaced")
    own = [LAST, LOG, TrainRecord.FILE, ProbeRecord.FILE]
    for path in [*(folder / name for name in own), *folder.glob("*.safetensors")]:
        path.unlink(missing_ok=True)


def run_training(
    recipe: Recipe, prepared: Prepared, folder: Path, reporter: Reporter = QUIET
) -> TrainRecord | None:
    """Train phase after phase; those whose file exists do not run again.

    Writes ``best.safetensors`` to ``folder``.

    Returns:
        The summary; None in a training process that is not the first.

    Raises:
        RunError: A checkpoint is damaged.
        StageError: The loss is not a number, or explodes.
    """
    network, table, task = prepared.network, prepared.table, TASKS[recipe.task]
    network.to(memory_format=torch.channels_last)
    started = time.monotonic()
    frames = decode_splits(recipe, table, network.spec, reporter)
    decode_seconds = round(time.monotonic() - started, 1)
    training = Training(
        recipe,
        table,
        frames,
        network,
        prepared.card,
        folder,
        loss=task.build_loss,
        validation=task.validation,
        penalties=partial(build_penalties, recipe, table, network, reporter),
        reporter=reporter,
    )
    outcome = run_phases(training, task.phases(recipe))
    if outcome is None or not is_first_process():
        return None
    if outcome.weights != folder / BEST:
        save_state(read_state(outcome.weights), folder / BEST)
    seconds = time.monotonic() - started
    return _record(recipe, prepared.weights, outcome, decode_seconds, seconds)


def _record(
    recipe: Recipe, weights: WeightsReport, outcome: Outcome, decode_seconds: float, seconds: float
) -> TrainRecord:
    steps_seconds = sum(row.seconds or 0.0 for row in outcome.history)
    return TrainRecord(
        backbone=recipe.model.backbone,
        weights=weights,
        mode=recipe.train.mode,
        best=outcome.best,
        epochs=len(outcome.history),
        stopped_early=outcome.stopped_early,
        history=outcome.history,
        device=outcome.device,
        precision=outcome.precision,
        processes=outcome.processes,
        decode_seconds=decode_seconds,
        probe=outcome.probe,
        kept=outcome.kept,
        over_fitting=gap_in_words(outcome.history, recipe.train),
        # the whole time of this start, with decoding and validation; if earlier starts did part of
        # the work, at least the steps of all starts
        training_seconds=round(max(seconds, steps_seconds), 1),
        threads=torch.get_num_threads(),
    )
