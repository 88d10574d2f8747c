"""What the stages of a run wrote, read once, for the page and for the model card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgefit.bundle import Manifest, Variant
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.evaluate.saved import SavedOutputs
from edgefit.recipe import Recipe
from edgefit.records.benchmark import BenchmarkRecord, MeasuredVariant
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.check import CheckRecord
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.record import Record
from edgefit.records.retention import RetentionRecord
from edgefit.records.train import TrainRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.runtime.golden import GOLDEN_FILE, GOLDEN_FOLDER, Golden, read_golden
from edgefit.spec import Outputs
from edgefit.train.backbones.card import BackboneCard, load_card

Study = TypeVar("Study", ComparisonRecord, LearningCurveRecord)

_TITLES: dict[type[Record], str] = {
    ComparisonRecord: "The comparison of remedies",
    LearningCurveRecord: "The learning curve",
}


@dataclass(frozen=True)
class RunFacts:
    """Everything a report says comes from here.

    Attributes:
        recipe: The resolved recipe of the run.
        manifest: The manifest of the bundle that will hold the report.
        card: The card of the backbone.
        check: ``check.json``.
        training: ``train.json``.
        operating: ``operating.json``, the rules chosen on validation.
        evaluation: ``evaluation.json``, of the trained network.
        verification: ``verify.json``.
        benchmark: ``benchmark.json``.
        golden: ``golden.json`` of the export.
        golden_folder: The folder of the golden frames.
        test: The held-out samples.
        outputs: Outputs of the trained network for these samples, by name.
        retention: ``retention.json``; None if it was not measured for this network.
        comparison: ``comparison.json`` of remedies against forgetting; None without one.
        learning_curve: ``learning-curve.json``; None without one.
        left_out: Results in the run that the report omits, with the reason, in sentences.
    """

    recipe: Recipe
    manifest: Manifest
    card: BackboneCard
    check: CheckRecord
    training: TrainRecord
    operating: CalibrateRecord
    evaluation: EvaluateRecord
    verification: VerifyRecord
    benchmark: BenchmarkRecord
    golden: Golden
    golden_folder: Path
    test: SampleTable
    outputs: Outputs
    retention: RetentionRecord | None = None
    comparison: ComparisonRecord | None = None
    learning_curve: LearningCurveRecord | None = None
    left_out: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """Class names in output order."""
        return self.manifest.labels

    @property
    def metric(self) -> str:
        """The metric that the gate bounds and the report leads with."""
        return self.recipe.verify.metric

    @property
    def confidence(self) -> str:
        """Level of all intervals, such as ``95 %``."""
        return f"{self.evaluation.confidence * 100:g} %"

    @property
    def recommended(self) -> Variant:
        """The variant to run; the first one if none is recommended."""
        name = self.manifest.recommended.get("default")
        fitting = [v for v in self.manifest.variants if str(v.key) == name]
        return (fitting or self.manifest.variants)[0]

    def measured(self, variant: str) -> MeasuredVariant | None:
        """What ``benchmark`` measured for a variant; None if it measured nothing."""
        return next((e for e in self.benchmark.measured if e.variant == variant), None)


def gather(run: RunFolder, manifest: Manifest, *, retention_is_current: bool = True) -> RunFacts:
    """Read what the stages wrote.

    Requires the stages ``check`` to ``benchmark``. Also reads ``retention``, the comparison of
    remedies and the learning curve, if they exist and belong to this run.

    Raises:
        RunError: A stage has not finished in this run, or its output does not fit the others.
    """
    recipe = run.recipe()
    test = frozen_samples(run).of("test")
    outputs = SavedOutputs.read(run.root, images=len(test)).outputs
    checked = CheckRecord.read(run.root)
    left_out: list[str] = []
    return RunFacts(
        recipe=recipe,
        manifest=manifest,
        card=load_card(recipe.model.backbone),
        check=checked,
        training=TrainRecord.read(run.root),
        operating=CalibrateRecord.read(run.root),
        evaluation=EvaluateRecord.read(run.root),
        verification=VerifyRecord.read(run.root),
        benchmark=BenchmarkRecord.read(run.root),
        golden=read_golden(run.root / "export" / GOLDEN_FOLDER / GOLDEN_FILE),
        golden_folder=run.root / "export" / GOLDEN_FOLDER,
        test=test,
        outputs=outputs,
        retention=_retention(run, recipe, left_out, is_current=retention_is_current),
        comparison=_study_of(checked, ComparisonRecord, run, left_out),
        learning_curve=_study_of(checked, LearningCurveRecord, run, left_out),
        left_out=tuple(left_out),
    )


def _retention(
    run: RunFolder, recipe: Recipe, left_out: list[str], *, is_current: bool
) -> RetentionRecord | None:
    if recipe.retention.general is None or not RetentionRecord.path_in(run.root).is_file():
        return None
    if not is_current:
        left_out.append(
            "Retention was measured with other weights or other general images than the current "
            "ones; the report leaves it out."
        )
        return None
    return RetentionRecord.read(run.root)


def _fingerprint_in(path: Path) -> object:
    """Which data a study was measured on, whatever release wrote it; None if it is damaged."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return facts.get("data_fingerprint") if isinstance(facts, dict) else None


def _study_of(
    checked: CheckRecord, study: type[Study], run: RunFolder, left_out: list[str]
) -> Study | None:
    """A study without a stamp: its data and split decide whether it belongs to this run."""
    if not study.path_in(run.root).is_file():
        return None
    if _fingerprint_in(study.path_in(run.root)) not in (None, checked.fingerprint):
        left_out.append(
            f"{_TITLES[study]} was measured on other data than the current data; the report leaves "
            "it out."
        )
        return None
    return study.read(run.root)
