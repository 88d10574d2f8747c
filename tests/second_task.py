"""A second task, made of nothing but entries in the tables: is the lamp on a part lit?

``glow`` has no labels; what is true stands in the file's name (``lit_*``, ``dark_*``). Its one
phase has no epochs: a linear head on the frozen features is fitted in closed form to the mean
brightness of the training frames. Its graph gives ``score`` (N,), and its rule is a threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor, nn

from edgefit.bundle import Bundle
from edgefit.data import tasks as data_tasks
from edgefit.data.table import Sample, SampleTable
from edgefit.export import tasks as export_tasks
from edgefit.metrics import tasks as metrics_tasks
from edgefit.metrics.labelled import Bootstrap, LabelledOutputs
from edgefit.operating import tasks as operating_tasks
from edgefit.operating.tasks import Choice
from edgefit.recipe import ModelConfig, OperatingConfig, Recipe, make_recipe
from edgefit.recipe import tasks as recipe_tasks
from edgefit.records.calibrate import CalibrateRecord
from edgefit.records.evaluate import Decisions, Evaluation, GroupFigures, TrainedDecisions
from edgefit.records.figures import Figure
from edgefit.records.train import EpochRow, KeptWeights
from edgefit.records.verify import Agreement
from edgefit.report import tasks as report_tasks
from edgefit.report.facts import RunFacts
from edgefit.report.tasks.task import Templates
from edgefit.runtime import tasks as runtime_tasks
from edgefit.runtime.images.caption import NEUTRAL, with_caption
from edgefit.runtime.images.geometry import Placement
from edgefit.runtime.tasks import Cell, Change, Comparison
from edgefit.spec import (
    OUTPUTS,
    RULES,
    Frame,
    GoodTruth,
    LabelMap,
    Outputs,
    OutputSpec,
    Prediction,
    References,
    Rule,
    Task,
    Truth,
    VariantKey,
)
from edgefit.train import tasks as train_tasks
from edgefit.train.backbones.card import BackboneCard
from edgefit.train.phases.phase import Outcome, Phase
from edgefit.train.training import Training
from edgefit.train.weight_files import save_weights

GLOW = Task("glow")
SIZE = 64


class GlowData:
    """Images without labels; lit and dark parts are in every split."""

    needs_labels = False
    moves = ()

    def require(self, table: SampleTable) -> None:
        """Whatever is there will do."""

    def strata(self, table: SampleTable) -> tuple[str, ...]:
        return ("dark", "lit")

    def stratum(self, sample: Sample) -> str:
        return Path(sample.path).name.partition("_")[0]

    def truths(self, table: SampleTable) -> tuple[Truth, ...]:
        return tuple(GoodTruth(is_good=self.stratum(s) == "lit") for s in table.samples)

    def targets(self, table: SampleTable) -> NDArray[np.int64]:
        return np.array([self.stratum(s) == "lit" for s in table.samples], np.int64)


class FitBrightness:
    """Least squares from features to the mean brightness of a frame; has no epochs."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        assert before is None
        network, store = training.network.eval(), training.frames.train
        frames_NHWC = torch.from_numpy(np.stack([store.frame(i) for i in range(len(store))]))
        with torch.inference_mode():
            features_NF = network.features(frames_NHWC).double()
        brightness_N = frames_NHWC.double().mean((1, 2, 3)) / 255
        mean_F, spread_F = features_NF.mean(0), features_NF.std(0).clamp_min(1e-9)
        scaled_NF = (features_NF - mean_F) / spread_F
        ridge = torch.eye(scaled_NF.shape[1], dtype=torch.float64)
        centred_N = brightness_N - brightness_N.mean()
        weight_F = torch.linalg.solve(scaled_NF.T @ scaled_NF + ridge, scaled_NF.T @ centred_N)
        head = network.head
        assert isinstance(head, nn.Linear)
        with torch.no_grad():
            head.weight.copy_((weight_F / spread_F)[None].float())
            head.bias.copy_((brightness_N.mean() - (mean_F / spread_F) @ weight_F).float())
        target = training.folder / "fitted.safetensors"
        save_weights(network, target)
        row = EpochRow(epoch=0, phase="fit", validation=training.measure(network))
        return Outcome(target, KeptWeights(what="fitted"), row)


class GlowLoss(nn.Module):
    """Squared distance from 1 where the lamp is lit, from 0 where it is not."""

    def forward(self, logits_N1: Tensor, targets_N: Tensor) -> Tensor:
        return nn.functional.mse_loss(logits_N1[:, 0], targets_N.float())


class GlowTraining:
    """A linear head on frozen features."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        return ()

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        return (FitBrightness(),)

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        return nn.Linear(card.feature_dim, 1)

    def build_loss(self, recipe: Recipe, table: SampleTable) -> nn.Module:
        return GlowLoss()

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        return {"score": logits[:, 0]}

    def validation(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> dict[str, float]:
        right = auroc(logits[:, 0], targets == 1)
        return {"auroc": right, "loss": 1 - right}


def auroc(scores_N: NDArray[np.floating], lit_N: NDArray[np.bool_]) -> float:
    """Share of pairs in which the lit part has the higher score; ties count half."""
    gaps = scores_N[lit_N][:, None] - scores_N[~lit_N][None]
    return float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


class GlowMetrics:
    """The area under the ROC curve."""

    names = ("auroc",)
    headline = "auroc"

    def check(self, name: str, labels: LabelMap) -> None:
        """Any classes will do: there are none."""

    def evaluate(self, found: LabelledOutputs, bootstrap: Bootstrap) -> Evaluation:
        value = auroc(found.outputs["score"], _lit(found.truth))
        return Evaluation(
            images=len(found.truth),
            groups=len(set(found.groups_N.tolist())),
            confidence=bootstrap.confidence,
            resamples=bootstrap.resamples,
            metrics={"auroc": Figure(value=value, low=None, high=None)},
        )

    def worst_group(
        self, found: LabelledOutputs, columns: Mapping[str, NDArray[np.str_]], confidence: float
    ) -> GroupFigures | None:
        return None

    def agreement(self, reference: Outputs, candidate: Outputs) -> Agreement:
        gaps_N = np.abs(reference["score"] - candidate["score"])
        if not np.isfinite(gaps_N).all():
            return Agreement(finite=False)
        return Agreement(
            finite=True,
            images=len(gaps_N),
            max_abs_difference=float(gaps_N.max()),
            mean_abs_difference=float(gaps_N.mean()),
        )

    def departures(self, found: Agreement, tolerance: float) -> list[str]:
        gap = found.max_abs_difference or 0.0
        return [f"scores differ by up to {gap:.2g}"] if gap > tolerance else []

    def paired_drop(
        self, name: str, reference: LabelledOutputs, candidate: Outputs, bootstrap: Bootstrap
    ) -> Figure:
        lit_N = _lit(reference.truth)
        drop = auroc(reference.outputs["score"], lit_N) - auroc(candidate["score"], lit_N)
        return Figure(value=drop, low=drop, high=drop)


def _lit(truth: Sequence[Truth]) -> NDArray[np.bool_]:
    return np.array([isinstance(one, GoodTruth) and one.is_good for one in truth])


@dataclass(frozen=True)
class GlowRule(Rule):
    """Lit from a score on."""

    kind: Literal["glow"] = field(default="glow", kw_only=True)
    threshold: float = 0.5

    @classmethod
    def plain(cls) -> Self:
        return cls()

    @property
    def decides(self) -> bool:
        return True

    def check(self, labels: LabelMap) -> None:
        """Any number will do."""


class GlowOperating:
    """The threshold half-way between lit and dark validation images."""

    reference_names = ()

    def check(self, config: OperatingConfig, labels: LabelMap) -> None:
        """Nothing is asked for."""

    def reference_images(self, truth: Sequence[Truth], recipe: Recipe) -> NDArray[np.int64]:
        return np.empty(0, np.int64)

    def choose(
        self, validation: LabelledOutputs, reference: LabelledOutputs | None, recipe: Recipe
    ) -> Choice:
        scores_N, lit_N = validation.outputs["score"], _lit(validation.truth)
        threshold = (scores_N[lit_N].mean() + scores_N[~lit_N].mean()) / 2
        record = CalibrateRecord(
            images=len(validation),
            groups=len(set(validation.groups_N.tolist())),
            other={"threshold": float(threshold)},
        )
        return Choice(record)

    def rule(self, chosen: CalibrateRecord) -> Rule:
        assert chosen.other is not None
        threshold = chosen.other["threshold"]
        assert isinstance(threshold, float)
        return GlowRule(threshold=threshold)

    def scored(self, outputs: Outputs, references: References) -> dict[str, NDArray[np.float32]]:
        return {name: values for name, values in outputs.items() if name != "feature_vector"}

    def measure(
        self,
        rule: Rule,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> Decisions:
        assert isinstance(rule, GlowRule)
        wrong = (found.outputs["score"] >= rule.threshold) != _lit(found.truth)
        return Decisions(
            other={"error_rate": Figure(value=float(wrong.mean()), low=None, high=None)}
        )

    def measure_trained(
        self,
        chosen: CalibrateRecord,
        found: LabelledOutputs,
        out_of_domain: Outputs | None,
        bootstrap: Bootstrap,
    ) -> TrainedDecisions:
        measured = self.measure(self.rule(chosen), found, out_of_domain, bootstrap)
        return TrainedDecisions(other=measured.other)

    def broken_limits(self, measured: Decisions, config: OperatingConfig) -> list[str]:
        return []

    def summary(self, chosen: CalibrateRecord) -> list[str]:
        return [f"lit from a score of {(chosen.other or {})['threshold']:.3f} on"]


@dataclass(frozen=True)
class GlowPrediction(Prediction):
    """Whether the lamp is lit."""

    score: float = 0.0


class GlowColumns:
    """The decision and the score."""

    names = ("decision", "score")

    def cells(self, prediction: Prediction | None) -> Sequence[Cell]:
        return [*self.facts(prediction).values()]  # type: ignore[list-item]

    def facts(self, prediction: Prediction | None) -> dict[str, JsonValue]:
        if prediction is None:
            return dict.fromkeys(self.names)
        assert isinstance(prediction, GlowPrediction)
        return {"decision": prediction.decision, "score": round(prediction.score, 6)}


class GlowRuntime:
    """One score a frame."""

    def wanted(self, rule: Rule) -> tuple[str, ...]:
        return ("score",)

    def references(self, bundle: Bundle) -> References:
        return {}

    def decode(
        self,
        outputs: Outputs,
        placement: Placement,
        frame_size: tuple[int, int],
        labels: LabelMap,
        rule: Rule,
        references: References,
    ) -> GlowPrediction:
        assert isinstance(rule, GlowRule)
        score = float(outputs["score"][0])
        return GlowPrediction(decision="lit" if score >= rule.threshold else "dark", score=score)

    def columns(self, labels: LabelMap, rule: Rule, *, top: int) -> GlowColumns:
        return GlowColumns()

    def draw(self, frame: Frame, prediction: Prediction) -> Frame:
        return with_caption(frame, prediction.decision, NEUTRAL)

    def compare(
        self, expected: Outputs, found: Outputs, labels: LabelMap, key: VariantKey
    ) -> Comparison:
        gaps_N = np.abs(expected["score"] - found["score"])
        changes: tuple[Change, ...] = ()
        return Comparison(float(gaps_N.max()), 1e-3, changes)


class GlowReport:
    """The page needs nothing beyond its metric."""

    templates = Templates()

    def purpose(self, facts: RunFacts) -> str:
        return "It says whether the lamp on a part is lit."

    def shared(self, facts: RunFacts) -> dict[str, Any]:
        return {"rates": None}

    def drawings(self, facts: RunFacts) -> dict[str, Any]:
        return {}

    def weaknesses(self, facts: RunFacts) -> Iterator[str]:
        return iter(())

    def unlike_the_training(self, facts: RunFacts) -> Iterator[str]:
        return iter(())


class GlowExport:
    """openvino-model-api has no such model."""

    def model_api_facts(self, labels: LabelMap) -> dict[str, str]:
        return {}


def register(patch: pytest.MonkeyPatch) -> None:
    """Enter the task in the table of every room, until the end of the test."""
    outputs = (OutputSpec("score", ("N",), "mean brightness, 0 to 1"),)
    patch.setitem(OUTPUTS, GLOW, outputs)
    patch.setitem(RULES, GLOW, GlowRule)
    patch.setitem(recipe_tasks.TASKS, GLOW, recipe_tasks.RecipeTask(("auroc",), ("auroc",)))
    patch.setitem(data_tasks.TASKS, GLOW, GlowData())
    patch.setitem(train_tasks.TASKS, GLOW, GlowTraining())
    patch.setitem(metrics_tasks.TASKS, GLOW, GlowMetrics())
    patch.setitem(operating_tasks.TASKS, GLOW, GlowOperating())
    patch.setitem(runtime_tasks.TASKS, GLOW, GlowRuntime())
    patch.setitem(export_tasks.TASKS, GLOW, GlowExport())
    patch.setitem(report_tasks.TASKS, GLOW, GlowReport())


def draw_lamps(folder: Path, images: int = 60) -> Path:
    """Images of parts in one folder, every second one with its lamp lit."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True)
    for number in range(images):
        lit = number % 2 == 0
        image = rng.normal(170 if lit else 70, 12, (SIZE, SIZE, 3)).clip(0, 255)
        name = f"{'lit' if lit else 'dark'}_{number:03d}.png"
        assert cv2.imwrite(str(folder / name), image.astype(np.uint8))
    return folder


def glow_recipe(images: Path) -> Recipe:
    """A recipe of the task; everything is small."""
    return make_recipe(
        {
            "name": "lamps",
            "task": GLOW,
            "data": {"root": str(images), "split": {"validation": 0.25, "test": 0.25}},
            "input": {"width": SIZE, "height": SIZE},
            "model": {"backbone": "mobilenet_v3_small", "weights": "none"},
            "evaluate": {"resamples": 100},
            "export": {"precisions": ["fp32", "int8"], "calibration_images": 16},
            "verify": {"max_drop": 20, "required": "any"},
            "benchmark": {"seconds": 0.05, "rounds": 1},
        }
    )
