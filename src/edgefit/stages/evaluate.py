"""The stage ``evaluate``: the trained network on every held-out image."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.general import read_general
from edgefit.data.table import SampleTable
from edgefit.evaluate.outputs import network_outputs, summarise
from edgefit.evaluate.saved import OutOfDomain, SavedOutputs
from edgefit.metrics.reliability import calibration
from edgefit.operating.chosen import operating_point, read_prototypes
from edgefit.operating.decisions import measure_decisions
from edgefit.operating.novelty import novelty_scores
from edgefit.operating.temperature import softmax
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig, Recipe
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import EvaluateRecord, TemperatureEffect, TrainedDecisions
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
        """The general images, on which novelty is measured too."""
        general = recipe.retention.general
        return [] if general is None else [files.folder(general)]

    def prepare(self) -> None:
        """Load the network, run it over the test images and measure."""
        from edgefit.train.assembly import load_trained

        recipe, table = self.recipe, frozen_samples(self.run).of("test")
        network = load_trained(self.run, CalibrateRecord.read(self.run.root).temperature or 1.0)
        self.saved = _outputs(network, self.run, table, recipe, self.reporter)
        found = summarise(self.saved.outputs["probabilities"], table, recipe.evaluate)
        operating = _operating(self.run, table, self.saved, recipe.evaluate)
        self.record = EvaluateRecord.of(found.whole, found.by, found.worst_group, operating)

    def work(self, *, resumable: bool) -> EvaluateRecord:
        """Write the outputs and what they measure."""
        self.saved.write(self.run.root)
        self.record.write(self.run.root)
        return self.record

    def result(self) -> EvaluateRecord:
        """What ``evaluation.json`` holds."""
        return EvaluateRecord.read(self.run.root)

    def outputs(self, record: EvaluateRecord) -> str:
        """Hash of the network's outputs."""
        digest = hashlib.sha256()
        for values in self.saved.arrays().values():
            digest.update(values.tobytes())
        return digest.hexdigest()


def evaluate(run: RunFolder, reporter: Reporter = QUIET) -> EvaluateRecord:
    """Run the stage; see :class:`Evaluate`."""
    return always(Runner(run, reporter).run(Evaluate))


def _outputs(
    network: EdgeNetwork, run: RunFolder, table: SampleTable, recipe: Recipe, reporter: Reporter
) -> SavedOutputs:
    outputs = network_outputs(network, _store(table, recipe, reporter), reporter)
    features_NF = outputs.pop("feature_vector")
    prototypes_CF = read_prototypes(run)
    if prototypes_CF is None:
        return SavedOutputs(outputs)
    novelty_N = novelty_scores(features_NF, prototypes_CF)
    if recipe.retention.general is None:
        return SavedOutputs(outputs, novelty_N)
    general = _out_of_domain(recipe, reporter)
    found = network_outputs(network, _store(general, recipe, reporter), reporter)
    novelty_M = novelty_scores(found["feature_vector"], prototypes_CF)
    paths = tuple(sample.path for sample in general.samples)
    return SavedOutputs(outputs, novelty_N, OutOfDomain(paths, novelty_M))


def _out_of_domain(recipe: Recipe, reporter: Reporter) -> SampleTable:
    """General images that training has not seen, evenly over their classes."""
    assert recipe.retention.general is not None
    probe = read_general(
        recipe.retention.general, recipe.retention, input_spec(recipe), reporter=reporter
    ).probe
    step = -(-len(probe) // _OUT_OF_DOMAIN_IMAGES)
    return probe.with_samples(probe.samples[::step])


def _store(table: SampleTable, recipe: Recipe, reporter: Reporter) -> FrameStore:
    return FrameStore(
        table.samples,
        table.root,
        input_spec(recipe),
        budget_mb=recipe.train.cache_mb,
        reporter=reporter,
    )


def _operating(
    run: RunFolder, table: SampleTable, saved: SavedOutputs, config: EvaluateConfig
) -> TrainedDecisions:
    targets_N, groups_N = table.targets_N(), table.groups_N()
    measured = measure_decisions(
        saved.outputs["probabilities"],
        targets_N,
        table.labels,
        operating_point(run),
        groups_N=groups_N,
        novelty_N=saved.novelty_N,
        out_of_domain_M=None if saved.out_of_domain is None else saved.out_of_domain.novelty_M,
        resamples=config.resamples,
        confidence=config.confidence,
    )
    effect = None
    temperature = CalibrateRecord.read(run.root).temperature
    if temperature is not None and measured.calibration is not None:
        before = calibration(
            softmax(saved.outputs["logits"]),
            targets_N,
            groups_N=groups_N,
            resamples=config.resamples,
            confidence=config.confidence,
        )
        effect = TemperatureEffect(
            temperature=temperature, before=before, after=measured.calibration
        )
    return TrainedDecisions(
        calibration=effect,
        threshold=measured.threshold,
        conformal=measured.conformal,
        novelty=measured.novelty,
    )
