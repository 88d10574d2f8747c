"""The stage ``evaluate``: the trained network on every held-out image."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from edgefit.data.frame_store import FrameStore
from edgefit.data.frozen import frozen_samples
from edgefit.data.general import read_general
from edgefit.data.table import SampleTable
from edgefit.evaluate.outputs import predict_with_features, summarise
from edgefit.metrics.reliability import calibration
from edgefit.operating.chosen import OPERATING, operating_point, read_prototypes
from edgefit.operating.decisions import measure_decisions
from edgefit.operating.novelty import novelty_scores
from edgefit.operating.temperature import softmax
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import EvaluateConfig, Recipe
from edgefit.records.record import write_json
from edgefit.run import RunFolder
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Facts, InputFiles, Stage, read_facts
from edgefit.train.backbones.card import input_spec

if TYPE_CHECKING:
    from edgefit.train.network import EdgeNetwork

RESULTS = "evaluation.json"
PROBABILITIES = "probabilities.npz"

_ELSEWHERE_IMAGES = 400
_SMALLEST = 1e-12


class Evaluate(Stage[Facts]):
    """Measure the trained network and its operating point on the test split.

    Ensures ``evaluate/evaluation.json`` and ``evaluate/probabilities.npz``: ``probabilities``
    float32 (N, C), in the order of the table; where novelty is scored ``novelty`` float32 (N,); and
    where the recipe names general images ``elsewhere_novelty`` float32 (M,) and
    ``elsewhere_paths`` (M,), relative to their folder.
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
        temperature = float(read_facts(self.run, "calibrate", OPERATING)["temperature"])
        network = load_trained(self.run, temperature)
        self.saved = _answers(network, self.run, table, recipe, self.reporter)
        self.results = summarise(self.saved["probabilities"], table, recipe.evaluate)
        self.results["operating"] = _operating(self.run, table, self.saved, recipe.evaluate)

    def work(self, *, resumable: bool) -> Facts:
        """Write the outputs and what they measure."""
        np.savez(self.folder / PROBABILITIES, allow_pickle=False, **self.saved)
        write_json(self.folder / RESULTS, self.results)
        return self.results

    def result(self) -> Facts:
        """What ``evaluation.json`` holds."""
        return read_facts(self.run, "evaluate", RESULTS)

    def outputs(self, record: Facts) -> str:
        """Hash of the network's outputs."""
        digest = hashlib.sha256()
        for values in self.saved.values():
            digest.update(values.tobytes())
        return digest.hexdigest()


def evaluate(run: RunFolder, reporter: Reporter = QUIET) -> Facts:
    """Run the stage; see :class:`Evaluate`.

    Returns:
        What ``evaluation.json`` holds: what :func:`edgefit.metrics.evaluate` gives, ``by``
        (column -> value -> the same), ``worst_group`` (None where there is none large enough) and
        ``operating`` (what :func:`.measure_decisions` gives, and ``calibration`` with
        ``temperature``, ``before`` and ``after``).
    """
    return always(Runner(run, reporter).run(Evaluate))


def _answers(
    network: EdgeNetwork, run: RunFolder, table: SampleTable, recipe: Recipe, reporter: Reporter
) -> dict[str, Any]:
    """What ``probabilities.npz`` holds."""
    probabilities_NC, features_NF = predict_with_features(
        network, _store(table, recipe, reporter), reporter
    )
    saved: dict[str, Any] = {"probabilities": probabilities_NC}
    prototypes_CF = read_prototypes(run)
    if prototypes_CF is None:
        return saved
    saved["novelty"] = novelty_scores(features_NF, prototypes_CF)
    if recipe.retention.general is not None:
        elsewhere = _elsewhere(recipe, reporter)
        _, features_MF = predict_with_features(
            network, _store(elsewhere, recipe, reporter), reporter
        )
        saved["elsewhere_novelty"] = novelty_scores(features_MF, prototypes_CF)
        saved["elsewhere_paths"] = np.array([s.path for s in elsewhere.samples], dtype=np.str_)
    return saved


def _elsewhere(recipe: Recipe, reporter: Reporter) -> SampleTable:
    """General images that training has not seen, evenly over their classes."""
    assert recipe.retention.general is not None
    probe = read_general(
        recipe.retention.general, recipe.retention, input_spec(recipe), reporter=reporter
    ).probe
    step = -(-len(probe) // _ELSEWHERE_IMAGES)
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
    run: RunFolder, table: SampleTable, saved: dict[str, Any], config: EvaluateConfig
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "groups_N": table.groups_N(),
        "resamples": config.resamples,
        "confidence": config.confidence,
    }
    probabilities_NC, targets_N = saved["probabilities"], table.targets_N()
    measured = measure_decisions(
        probabilities_NC,
        targets_N,
        table.labels,
        operating_point(run),
        novelty_N=saved.get("novelty"),
        elsewhere_M=saved.get("elsewhere_novelty"),
        **options,
    )
    temperature = read_facts(run, "calibrate", OPERATING)["temperature"]
    # a softmax at temperature T is undone by multiplying the logarithms by T
    logits_NC = np.log(probabilities_NC.astype(np.float64).clip(_SMALLEST)) * temperature
    return measured | {
        "calibration": {
            "temperature": temperature,
            "before": calibration(softmax(logits_NC), targets_N, **options),
            "after": measured["calibration"],
        }
    }
