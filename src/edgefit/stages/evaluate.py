"""The stage ``evaluate``: measure the trained network on every held-out image."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from edgefit.data.frozen import frozen_samples
from edgefit.data.general import read_general
from edgefit.data.table import SampleTable
from edgefit.evaluate.outputs import bootstrap_of, outputs_of_table, summarise, with_truth
from edgefit.evaluate.saved import OutOfDomain, SavedOutputs
from edgefit.operating.chosen import read_references
from edgefit.operating.novelty import NOVELTY
from edgefit.operating.tasks import TASKS as OPERATING_TASKS
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.run import RunFolder
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import InputFiles, Stage
from edgefit.train.backbones.card import input_spec

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork

_OUT_OF_DOMAIN_IMAGES = 400


class Evaluate(Stage[EvaluateRecord]):
    """Measure the trained network and its operating point on the test split.

    Ensures ``evaluate/evaluation.json`` and ``evaluate/probabilities.npz``, see
    :class:`edgefit.evaluate.saved.SavedOutputs`.
    """

    NAME = "evaluate"
    SECTIONS = ("evaluate", "retention")
    REQUIRES = (Check, Calibrate)

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """The general images, which also measure novelty."""
        general = recipe.retention.general
        return [] if general is None else [files.folder(general)]

    def holds(self) -> bool:
        """Whether the saved outputs can be read and belong to the test images."""
        SavedOutputs.read(self.run.root, len(frozen_samples(self.run).of("test")))
        return True

    def prepare(self) -> None:
        """Load the network, run it on the test images and measure."""
        from edgefit.train.assembly import load_trained

        recipe, table = self.recipe, frozen_samples(self.run).of("test")
        chosen = CalibrateRecord.read(self.run.root)
        network = load_trained(self.run, chosen.temperature or 1.0)
        self.saved = _outputs(network, self.run, table, recipe, self.reporter)
        found = with_truth(self.saved.scored(), table, recipe.task)
        summary = summarise(found, table, recipe.task, recipe.evaluate)
        general = self.saved.out_of_domain
        others = None if general is None else general.scored()
        operating = OPERATING_TASKS[recipe.task].measure_trained(
            chosen, found, others, bootstrap_of(recipe.evaluate)
        )
        self.record = EvaluateRecord.of(summary.whole, summary.by, summary.worst_group, operating)

    def work(self, *, resumable: bool) -> EvaluateRecord:
        """Write the outputs and the figures."""
        self.saved.write(self.run.root)
        self.record.write(self.run.root)
        return self.record

    def result(self) -> EvaluateRecord:
        """The record in ``evaluation.json``."""
        return EvaluateRecord.read(self.run.root)

    def outputs(self, record: EvaluateRecord) -> str:
        """Hash of the network's outputs."""
        digest = hashlib.sha256()
        for values in self.saved.arrays().values():
            digest.update(values.tobytes())
        return digest.hexdigest()


def evaluate(run: RunFolder, reporter: Reporter = QUIET) -> EvaluateRecord:
    """Run the stage; see :class:`Evaluate`."""
    return always(Runner(run, reporter).run_last(Evaluate))


def _outputs(
    network: EdgeNetwork, run: RunFolder, table: SampleTable, recipe: Recipe, reporter: Reporter
) -> SavedOutputs:
    task, references = OPERATING_TASKS[recipe.task], read_references(run)
    found = task.scored(outputs_of_table(network, table, recipe, reporter), references)
    novelty_N = found.pop(NOVELTY, None)
    if novelty_N is None or recipe.retention.general is None:
        return SavedOutputs(found, novelty_N)
    general = _out_of_domain(recipe.retention.general, recipe, reporter)
    others = task.scored(outputs_of_table(network, general, recipe, reporter), references)
    paths = tuple(sample.path for sample in general.samples)
    return SavedOutputs(found, novelty_N, OutOfDomain(paths, others[NOVELTY]))


def _out_of_domain(folder: Path, recipe: Recipe, reporter: Reporter) -> SampleTable:
    """General images that training has not seen, spread evenly over their classes."""
    spec = input_spec(recipe)
    probe = read_general(folder, recipe.retention, spec, reporter=reporter).probe
    step = -(-len(probe) // _OUT_OF_DOMAIN_IMAGES)
    return probe.with_samples(probe.samples[::step])
