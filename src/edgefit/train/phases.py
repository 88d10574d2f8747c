"""The phases of a training: from a checked data set to the best weights of a fine-tuning.

::

    pretrained backbone --> phase one: probe          --> probe.safetensors
                        --> phase two: all layers     --> finetuned.safetensors
                        --> a point between the two   --> best.safetensors

A phase whose file is there is not run again, so that a killed training goes on where it was.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch

from edgefit.data.frame_store import frames_in_order
from edgefit.data.table import SampleTable
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.record import write_json
from edgefit.train.assembly import build_network
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.backbones.weights import WeightsReport, read_state
from edgefit.train.distributed import first_process_first, is_first_process
from edgefit.train.features.extract import FeatureCache
from edgefit.train.loop.checkpoint import LAST, LOG
from edgefit.train.loop.finetune import fine_tune
from edgefit.train.loop.interpolation import interpolate, recompute_statistics
from edgefit.train.loop.loaders import prepare_workers
from edgefit.train.loop.module import FineTuning
from edgefit.train.loop.overfitting import gap_in_words
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties import build_penalties
from edgefit.train.preconditions import require_trainable
from edgefit.train.probe.fit import run_probe
from edgefit.train.split_frames import SplitFrames, decode_splits
from edgefit.train.tasks import TASKS
from edgefit.train.weight_files import BEST, FINETUNED, save_state, save_weights

SUMMARY = "train.json"
PROBE = "probe.safetensors"
PROBE_FACTS = "probe.json"
FEATURES = "features"
Facts = dict[str, Any]


@dataclass(frozen=True)
class _Training:
    """What every phase needs."""

    recipe: Recipe
    folder: Path
    table: SampleTable
    frames: SplitFrames
    network: EdgeNetwork
    card: BackboneCard
    reporter: Reporter

    def measure(self, network: EdgeNetwork) -> dict[str, float]:
        """Validation metrics and loss of a network on the CPU."""
        network.eval()
        with torch.inference_mode():
            logits = [
                network.logits(torch.from_numpy(frames_NHWC)).numpy()
                for frames_NHWC in frames_in_order(self.frames.val)
            ]
        targets_N = self.table.of("val").targets_N()
        measured: dict[str, float] = TASKS[self.recipe.task].validation_metrics(
            np.concatenate(logits), targets_N
        )
        return measured


@dataclass(frozen=True)
class Prepared:
    """A training of which nothing will be refused any more."""

    table: SampleTable
    network: EdgeNetwork
    card: BackboneCard
    weights: WeightsReport


def prepare(
    recipe: Recipe, table: SampleTable, folder: Path, reporter: Reporter = QUIET
) -> Prepared:
    """Build the network and make sure that training will not be refused once it has begun.

    Raises:
        WeightsError: The pretrained weights cannot be used.
        RecipeError: The machine, or the number of images, does not fit.
    """
    prepare_workers(recipe.train)
    network, card, weights = build_network(recipe, table.labels, reporter)
    require_trainable(recipe, table, network.spec, folder)
    return Prepared(table, network, card, weights)


def remove_leftovers(folder: Path, reporter: Reporter) -> None:
    """Remove what a training with other inputs left."""
    if (folder / BEST).is_file():
        reporter.say("the training that was here had other inputs; it is replaced")
    for name in (LAST, FINETUNED, BEST, PROBE, PROBE_FACTS, LOG, SUMMARY):
        (folder / name).unlink(missing_ok=True)


def run_phases(
    recipe: Recipe, prepared: Prepared, folder: Path, reporter: Reporter = QUIET
) -> Facts | None:
    """Train phase after phase; those whose file is there are not run again.

    Returns:
        The summary that ``train.json`` holds; None in a training process that is not the first,
        which has done its part.

    Raises:
        RunError: A checkpoint is damaged.
        StageError: The loss is not a number, or explodes.
    """
    network, table = prepared.network, prepared.table
    network.to(memory_format=torch.channels_last)
    started = time.monotonic()
    frames = decode_splits(recipe, table, network.spec, reporter)
    training = _Training(recipe, folder, table, frames, network, prepared.card, reporter)
    phases: Facts = {"decode_seconds": round(time.monotonic() - started, 1)}
    mode = recipe.train.mode
    if mode != "full":
        with first_process_first():
            phases["probe"] = _phase_one(training)
    if mode != "probe":
        penalties = build_penalties(recipe, table, network, reporter)
        module, trainer = fine_tune(
            recipe, table, frames, network, prepared.card, folder, penalties, reporter
        )
        if trainer.is_global_zero:
            phases["full"] = _facts_of_phase_two(module, trainer)
    if not is_first_process() or (mode != "probe" and "full" not in phases):
        return None
    phases["kept"] = _keep(training)
    return _summary(training, prepared.weights, phases, time.monotonic() - started)


def _phase_one(training: _Training) -> Facts:
    """Fit the probe, or take up the one that was fitted before; the head holds it afterwards."""
    target, facts_file = training.folder / PROBE, training.folder / PROBE_FACTS
    if target.is_file() and facts_file.is_file():
        training.network.load_state_dict(read_state(target))
        return _read(facts_file)
    config = training.recipe.train
    if config.mode != "probe" and config.learns_batch_norm(training.recipe.model.weights):
        # phase two normalises by its batches from the first step on: a head fitted to features
        # under other statistics would be wrong there (AdaBN, https://arxiv.org/abs/1603.04779)
        recompute_statistics(training.network, training.frames.train)
    probe = run_probe(
        training.network,
        training.frames.train,
        training.table.of("train"),
        training.recipe.train,
        cache=FeatureCache(training.folder / FEATURES),
        reporter=training.reporter,
    )
    facts: Facts = {**probe.to_dict(), "validation": training.measure(training.network)}
    metric = training.recipe.train.metric
    training.reporter.say(f"probe on validation: {metric} {facts['validation'][metric]:.4f}")
    save_weights(training.network, target)
    write_json(facts_file, facts)
    return facts


def _facts_of_phase_two(module: FineTuning, trainer: pl.Trainer) -> Facts:
    assert module.choice.row is not None
    return {
        "best": module.choice.row,
        "epochs": len(module.history),
        "stopped_early": len(module.history) < module.config.epochs,
        "history": module.history,
        "device": str(trainer.strategy.root_device),
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
    }


def _keep(training: _Training) -> Facts:
    """Write ``best.safetensors``: the end of training, or the point that the rule picks."""
    folder, config = training.folder, training.recipe.train
    end = folder / (PROBE if config.mode == "probe" else FINETUNED)
    if not config.interpolation.points:
        save_state(read_state(end), folder / BEST)
        return {"what": "probe" if config.mode == "probe" else "fine-tuned"}
    learned = config.learns_batch_norm(training.recipe.model.weights)
    line = interpolate(
        training.network,
        read_state(folder / PROBE),
        read_state(end),
        config.interpolation,
        metric=config.metric,
        measure=training.measure,
        recompute=training.frames.train if learned else None,
        reporter=training.reporter,
    )
    save_state(line.state, folder / BEST)
    training.reporter.say(f"kept: alpha {line.alpha:g} between probe (0) and fine-tuned (1)")
    return {"what": "interpolated", **line.to_dict(config.interpolation, config.metric)}


def _summary(training: _Training, weights: WeightsReport, phases: Facts, seconds: float) -> Facts:
    """``train.json``; the facts of phase two stand at its top, as most readers want them."""
    config = training.recipe.train
    full = phases.pop("full", None)
    if full is None:  # a probe alone: one row, so that readers need not care
        measured = phases["probe"]["validation"]
        row = {"epoch": 0, "phase": "probe", **{f"val_{k}": v for k, v in measured.items()}}
        full = {"best": row, "epochs": 0, "stopped_early": False, "history": [], "device": "cpu"}
    steps_seconds = sum(row["seconds"] for row in full["history"])
    warning = gap_in_words(full["history"], config)
    return {
        "backbone": training.card.id,
        "weights": weights.to_dict(),
        "mode": config.mode,
        **full,
        **phases,
        "over_fitting": warning,
        # all that this start did, decoding and validation included; where an earlier start did a
        # part of it, at least the steps of all of them
        "training_seconds": round(max(seconds, steps_seconds), 1),
        "threads": torch.get_num_threads(),
    }


def _read(path: Path) -> Facts:
    facts: Facts = json.loads(path.read_text(encoding="utf-8"))
    return facts
