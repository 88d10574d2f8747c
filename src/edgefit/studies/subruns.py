"""Runs inside a run: the same data and test images, another recipe or fewer training images.

A sub-run is a run folder like any other. Its table comes from the run that contains it; no splits
are drawn again, so that every sub-run is measured on the same images. A finished stage does not run
again, so a killed comparison resumes where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefit.data.frozen import freeze, frozen_samples
from edgefit.data.table import SampleTable
from edgefit.evaluate.saved import SavedOutputs
from edgefit.metrics import paired_drop
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.check import CheckRecord
from edgefit.records.comparison import Gain
from edgefit.records.evaluate import ClassFigures, Evaluation
from edgefit.records.figures import Figure
from edgefit.run import RunFolder
from edgefit.spec import PROBABILITIES
from edgefit.stages.calibrate import calibrate
from edgefit.stages.check import Check
from edgefit.stages.evaluate import evaluate
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Context
from edgefit.stages.train import train
from edgefit.train.distributed import require_one_process

COMPARED = ("accuracy", "balanced_accuracy", "macro_f1")
"""Metrics that studies show."""


@dataclass(frozen=True)
class Measured:
    """Results of a sub-run.

    Attributes:
        training_seconds: Duration of its training.
        metrics: Accuracy, balanced accuracy and macro F1 on the test images.
        worst_class: The class of lowest recall.
        probabilities_NC: Probabilities of the test images, ``float32`` (N, C), in table order.
    """

    training_seconds: float
    metrics: dict[str, Figure]
    worst_class: ClassFigures
    probabilities_NC: NDArray[np.float32]


def changed(recipe: Recipe, changes: Mapping[str, object]) -> Recipe:
    """A recipe with other values at dotted keys.

    Raises:
        RecipeError: The values contradict each other.
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
    """The recipe of a sub-run: no operating point except the temperature, and one device.

    Calibration would refuse a threshold for the weaker networks, whose errors a comparison is meant
    to show. Several trainings in one program cannot use several devices, since lightning starts its
    processes once.
    """
    off = {"max_escape": None, "max_overkill": None, "coverage": None, "novelty": False}
    plain = {f"operating.{key}": value for key, value in off.items()}
    return changed(recipe, plain | {"train.devices": 1})


class HandedDown(Check):
    """A stage ``check`` that takes its table from another run and draws no splits.

    Args:
        context: From the runner.
        parent: The run whose ``check.json`` describes the images.
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
        self._record = CheckRecord.read(parent.root).model_copy(update=counted)

    def inspect(self) -> None:
        """Do nothing: the parent's check has inspected the images."""

    def holds(self) -> bool:
        """Whether the table is still the parent's."""
        return self.result() == self._record

    def prepare(self) -> None:
        """Do nothing: the table exists."""

    def work(self, *, resumable: bool) -> CheckRecord:
        """Write the table as if it had been checked here."""
        freeze(self._table, self.run)
        self._record.write(self.run.root)
        return self._record


def start_subrun(parent: RunFolder, root: Path, recipe: Recipe, table: SampleTable) -> RunFolder:
    """Start or continue a run at ``root`` whose stage ``check`` ended with ``table``.

    Args:
        parent: The run whose ``check.json`` describes the images.
        root: The sub-run's folder; created if it does not exist.
        recipe: The sub-run's recipe.
        table: Its images with their splits; any part of the parent's.
    """
    run = RunFolder(root, recipe)
    Runner(run).run(lambda context: HandedDown(context, parent=parent, table=table))
    run.keep_recipe()
    return run


def train_and_measure(run: RunFolder, reporter: Reporter = QUIET) -> Measured:
    """Train a sub-run and measure it on the test images; finished stages do not run again.

    Raises:
        StageError: Training failed.
        InputError: The program runs as one of several training processes.
    """
    require_one_process("A comparison of trainings", "start the command without torchrun")
    training = always(train(run, reporter))
    calibrate(run, reporter)
    evaluation = evaluate(run, reporter)
    probabilities_NC = SavedOutputs.read(run.root).outputs[PROBABILITIES.name]
    return measured(training.training_seconds, evaluation, probabilities_NC)


def measured(
    seconds: float, evaluation: Evaluation, probabilities_NC: NDArray[np.float32]
) -> Measured:
    """The results of a sub-run, from its evaluation on the test images."""
    assert evaluation.worst_class is not None  # studies compare classifiers
    metrics = {name: evaluation.metrics[name] for name in COMPARED}
    return Measured(seconds, metrics, evaluation.worst_class, probabilities_NC)


def held_out(run: RunFolder) -> SampleTable:
    """The test images that a run and all its sub-runs are measured on."""
    return frozen_samples(run).of("test")


def paired_gain(before: Measured, after: Measured, test: SampleTable, recipe: Recipe) -> Gain:
    """Gain in ``train.metric`` from one run to another on the same test images, as a share."""
    found = paired_drop(
        recipe.train.metric,
        after.probabilities_NC,
        before.probabilities_NC,
        test.targets_N(),
        test.groups_N(),
        resamples=recipe.evaluate.resamples,
        confidence=recipe.evaluate.confidence,
    )
    return Gain(gain=found.value, low=found.low, high=found.high)
