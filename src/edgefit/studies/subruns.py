"""Runs inside a run: the same data and test images, another recipe or fewer training images.

A sub-run is a run folder like any other. Its table is handed down from the run it stands in, not
drawn again, so that every sub-run is measured on the very same images. A stage that ended is not
run again, hence a comparison that was killed goes on where it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgefit.data.frozen import LABELS, REPORT, SAMPLES, frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import InputError
from edgefit.evaluate.saved import SavedOutputs
from edgefit.metrics import paired_drop
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.record import write_json
from edgefit.run import RunFolder
from edgefit.stages.calibrate import calibrate
from edgefit.stages.check import Check
from edgefit.stages.evaluate import evaluate
from edgefit.stages.runner import Runner
from edgefit.stages.stage import Context, Facts, read_facts
from edgefit.stages.train import SUMMARY, train


@dataclass(frozen=True)
class Measured:
    """What a sub-run gave.

    Attributes:
        training: What ``train.json`` holds.
        evaluation: What ``evaluation.json`` holds.
        probabilities_NC: Of the test images, ``float32`` (N, C), in the order of the table.
    """

    training: dict[str, Any]
    evaluation: dict[str, Any]
    probabilities_NC: NDArray[np.float32]


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """A recipe with other values at dotted keys.

    Raises:
        RecipeError: The values do not go together.
    """
    facts = recipe.model_dump(mode="json")
    for dotted, value in changes.items():
        *sections, last = dotted.split(".")
        inner = facts
        for section in sections:
            inner = inner[section]
        inner[last] = value
    return make_recipe(facts)


def comparable(recipe: Recipe) -> Recipe:
    """A recipe as sub-runs take it: no operating point but the temperature, one device.

    A threshold would be refused for the weaker networks of a comparison, whose errors are what is
    to be shown. Many trainings in one program cannot share several devices, since lightning
    starts its processes once.
    """
    off = {"max_escape": None, "max_overkill": None, "coverage": None, "novelty": False}
    plain = {f"operating.{key}": value for key, value in off.items()}
    return changed(recipe, plain | {"train.devices": 1})


class HandedDown(Check):
    """A stage ``check`` whose table is a part of another run's, not drawn anew.

    Args:
        context: From the runner.
        parent: The run whose ``check.json`` says what is known of the images.
        table: The sub-run's images with their splits; any part of the parent's.
    """

    def __init__(self, context: Context, *, parent: RunFolder, table: SampleTable) -> None:
        super().__init__(context)
        counted = {
            "images": len(table),
            "groups": len(set(table.groups_N().tolist())),
            "images_by_split_and_class": table.counts(),
            "groups_by_split_and_class": table.group_counts(),
            "fingerprint": table.fingerprint(),
        }
        self._table = table
        self._facts = read_facts(parent, "check", REPORT) | counted
        self._labels = read_facts(parent, "check", LABELS)

    def inspect(self) -> None:
        """Nothing: the parent's check has seen the images."""

    def holds(self) -> bool:
        """Whether the table is still the one handed down."""
        return self.result() == self._facts

    def prepare(self) -> None:
        """Nothing: the table is there."""

    def work(self, *, resumable: bool) -> Facts:
        """Write the table as if it had been checked here."""
        self._table.write_csv(self.folder / SAMPLES)
        write_json(self.folder / LABELS, self._labels)
        write_json(self.folder / REPORT, self._facts)
        return self._facts


def start_subrun(parent: RunFolder, root: Path, recipe: Recipe, table: SampleTable) -> RunFolder:
    """A run at ``root`` whose stage ``check`` ended with ``table``.

    Args:
        parent: The run whose ``check.json`` says what is known of the images.
        root: The sub-run's folder; made if absent, taken up again if there.
        recipe: The sub-run's recipe.
        table: Its images with their splits; any part of the parent's.
    """
    run = RunFolder(root, recipe)
    Runner(run).run(lambda context: HandedDown(context, parent=parent, table=table))
    run.keep_recipe()
    return run


def train_and_measure(run: RunFolder, reporter: Reporter = QUIET) -> Measured:
    """Train a sub-run and measure it on the test images; what ended is not done again.

    Raises:
        StageError: Training failed.
        InputError: The program runs as one of several training processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            "Comparisons train one sub-run after the other, each in one process.",
            key="WORLD_SIZE",
            expected="1, or not set",
            found=os.environ["WORLD_SIZE"],
            remedy="start the command without torchrun",
        )
    train(run, reporter)
    calibrate(run, reporter)
    evaluation = evaluate(run, reporter).to_json()
    probabilities_NC = SavedOutputs.read(run.root).outputs["probabilities"]
    return Measured(run.read_json("train", SUMMARY), evaluation, probabilities_NC)


def held_out(run: RunFolder) -> SampleTable:
    """The test images that a run and all its sub-runs are measured on."""
    return frozen_samples(run).of("test")


def paired_gain(
    before: Measured, after: Measured, test: SampleTable, recipe: Recipe
) -> dict[str, float | None]:
    """What ``train.metric`` wins from one run to another on the same test images, 0 to 1.

    Returns:
        ``gain`` with ``low`` and ``high`` of its paired interval.
    """
    found = paired_drop(
        recipe.train.metric,
        after.probabilities_NC,
        before.probabilities_NC,
        test.targets_N(),
        test.groups_N(),
        resamples=recipe.evaluate.resamples,
        confidence=recipe.evaluate.confidence,
    )
    return {"gain": found.value, "low": found.low, "high": found.high}
