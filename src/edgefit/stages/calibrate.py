"""The stage ``calibrate``: choose the rules that turn outputs into decisions.

The rules depend on the task: :mod:`edgefit.operating.tasks`. This stage reads validation images and
never test images; ``evaluate`` and ``verify`` use those to measure the chosen rules.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from edgefit.data.frozen import frozen_samples
from edgefit.data.tasks import TASKS as DATA_TASKS
from edgefit.evaluate.outputs import labelled_outputs
from edgefit.operating.chosen import reference_path
from edgefit.operating.tasks import TASKS, Choice
from edgefit.progress import QUIET, Reporter
from edgefit.records.calibrate import CalibrateRecord
from edgefit.run import RunFolder
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
from edgefit.stages.train import Train


class Calibrate(Stage[CalibrateRecord]):
    """Choose the operating point of a trained network.

    Ensures ``calibrate/operating.json`` and, if novelty is scored, ``calibrate/prototypes.npy``
    (``float32`` (C, F)).
    """

    NAME = "calibrate"
    SECTIONS = ("operating", "evaluate")
    REQUIRES = (Check, Train)

    def prepare(self) -> None:
        """Choose the rules on validation; refuse limits that validation cannot support."""
        self.choice = self._choose()

    def _choose(self) -> Choice:
        from edgefit.train.assembly import load_trained

        recipe, table, reporter = self.recipe, frozen_samples(self.run), self.reporter
        task = TASKS[recipe.task]
        task.check(recipe.operating, table.labels)
        network = load_trained(self.run)
        validation = labelled_outputs(
            network, table.of("val"), recipe, reporter, title="validation"
        )
        training = table.of("train")
        chosen = task.reference_images(DATA_TASKS[recipe.task].truths(training), recipe)
        if not chosen.size:
            return task.choose(validation, None, recipe)
        some = training.with_samples(training.samples[i] for i in chosen)
        reference = labelled_outputs(network, some, recipe, reporter, title="prototypes")
        return task.choose(validation, reference, recipe)

    def work(self, *, resumable: bool) -> CalibrateRecord:
        """Write the operating point."""
        task = TASKS[self.recipe.task]
        for name in task.reference_names:
            reference_path(self.run.root, name).unlink(missing_ok=True)
        for name, values in self.choice.references.items():
            np.save(reference_path(self.run.root, name), values, allow_pickle=False)
        self.choice.record.write(self.run.root)
        for line in task.summary(self.choice.record):
            self.reporter.say(line)
        _warn(self.choice.record, self.reporter)
        return self.choice.record

    def result(self) -> CalibrateRecord:
        """The record in ``operating.json``."""
        done = CalibrateRecord.read(self.run.root)
        _warn(done, self.reporter)
        return done

    def outputs(self, record: CalibrateRecord) -> str:
        """Hash of the rules and the prototypes."""
        digest = hashlib.sha256(json.dumps(record.to_json(), sort_keys=True).encode())
        for name in self.choice.references:
            digest.update(reference_path(self.run.root, name).read_bytes())
        return digest.hexdigest()


def calibrate(run: RunFolder, reporter: Reporter = QUIET) -> CalibrateRecord:
    """Run the stage; see :class:`Calibrate`.

    Raises:
        GateError: Validation has too few images to support the limits in the recipe.
        InputError: ``operating.good`` does not fit the classes.
    """
    return always(Runner(run, reporter).run_last(Calibrate))


def _warn(results: CalibrateRecord, reporter: Reporter) -> None:
    for warning in results.warnings:
        reporter.warn(warning)
