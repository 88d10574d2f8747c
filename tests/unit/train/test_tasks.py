"""A task that is only in the tables: its data, its network and its single phase."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgefit.data import tasks as data_tasks
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import Sample, SampleTable
from edgefit.errors import DataError
from edgefit.metrics import tasks as metric_tasks
from edgefit.operating import tasks as operating_tasks
from edgefit.recipe import ModelConfig, Recipe, make_recipe
from edgefit.recipe import tasks as recipe_tasks
from edgefit.recipe.tasks import RecipeTask
from edgefit.records.train import EpochRow, KeptWeights, TrainRecord
from edgefit.run import RunFolder
from edgefit.spec import OUTPUTS, InputSpec, LabelMap, OutputSpec, Task, Truth
from edgefit.stages.check import check
from edgefit.stages.train import train
from edgefit.train import tasks as train_tasks
from edgefit.train.assembly import load_trained
from edgefit.train.backbones.card import BackboneCard, load_card
from edgefit.train.network import EdgeNetwork
from edgefit.train.phases.phase import Outcome, Phase
from edgefit.train.training import Training
from edgefit.train.weight_files import save_weights

BRIGHTNESS = Task("brightness")


class BrightnessData:
    """Images without labels; every split has some."""

    needs_labels = False
    moves = ()

    def require(self, table: SampleTable) -> None:
        """Whatever is there will do."""

    def strata(self, table: SampleTable) -> tuple[str, ...]:
        return ("image",)

    def stratum(self, sample: Sample) -> str:
        return "image"

    def truths(self, table: SampleTable) -> tuple[Truth, ...]:
        return ()

    def targets(self, table: SampleTable) -> NDArray[np.int64]:
        return np.zeros(len(table), np.int64)


class Level(nn.Module):
    """Mean of a feature map, less what is usual."""

    usual: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("usual", torch.zeros(()))

    def forward(self, features_NF: Tensor, map_NCHW: Tensor) -> Tensor:
        return map_NCHW.mean((1, 2, 3)) - self.usual


class Fit:
    """Remembers the mean over the training images; has no epochs."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
        assert before is None
        network, store = training.network.eval(), training.frames.train
        frames_NHWC = torch.from_numpy(np.stack([store.frame(i) for i in range(len(store))]))
        with torch.inference_mode():
            usual = network.logits(frames_NHWC).mean()
        head = network.head
        assert isinstance(head, Level)
        head.usual.copy_(usual)
        target = training.folder / "fitted.safetensors"
        save_weights(network, target)
        row = EpochRow(epoch=0, phase="fit", validation=training.measure(network))
        return Outcome(target, KeptWeights(what="fitted"), row)


class BrightnessTraining:
    """How far the level of an image is from the usual one."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        return (card.taps[1].module,)

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        return (Fit(),)

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        return Level()

    def build_loss(self, recipe: Recipe, table: SampleTable) -> nn.Module:
        return nn.L1Loss()

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        return {"distance": logits.abs() / temperature, "level": logits}

    def validation(
        self, logits: NDArray[np.float32], targets: NDArray[np.int64]
    ) -> dict[str, float]:
        return {"mean_level": float(logits.mean()), "loss": float(np.abs(logits).mean())}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Grey images in one folder, no label anywhere."""
    outputs = tuple(OutputSpec(name, ("N",), "grey levels") for name in ("distance", "level"))
    monkeypatch.setitem(OUTPUTS, BRIGHTNESS, outputs)
    monkeypatch.setitem(data_tasks.TASKS, BRIGHTNESS, BrightnessData())
    monkeypatch.setitem(train_tasks.TASKS, BRIGHTNESS, BrightnessTraining())
    metrics = RecipeTask(train_metrics=("mean_level",), verify_metrics=("mean_level",))
    monkeypatch.setitem(recipe_tasks.TASKS, BRIGHTNESS, metrics)
    for table in (metric_tasks.TASKS, operating_tasks.TASKS):  # asked by `check` alone here
        asked: Any = SimpleNamespace(check=lambda *_: None)
        monkeypatch.setitem(table, BRIGHTNESS, asked)
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for number in range(20):
        image = rng.integers(60, 90, (40, 40, 3), dtype=np.uint8)
        assert cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), image)
    return make_recipe(
        {
            "name": "levels",
            "task": BRIGHTNESS,
            "data": {"root": str(tmp_path / "images")},
            "input": {"width": 64, "height": 64},
            "model": {"backbone": "mobilenet_v3_small", "weights": "none"},
        }
    )


def test_a_task_without_labels_is_checked_trained_and_loaded(
    recipe: Recipe, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run", recipe)
    checked = check(run)
    assert checked.classes == ()
    assert {split: sum(c.values()) for split, c in checked.images_by_split_and_class.items()} == {
        split: len(frozen_samples(run).of(split)) for split in ("train", "val", "test")
    }
    assert all(sample.label is None for sample in frozen_samples(run).samples)
    record = train(run)
    assert record is not None
    assert TrainRecord.read(run.root) == record
    assert (record.best.phase, record.kept.what, record.history) == ("fit", "fitted", ())
    assert record.probe is None
    network = load_trained(run, temperature=2.0)
    dark_NHWC = torch.zeros((3, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        outputs, everything = network(dark_NHWC), network.outputs(dark_NHWC)
    assert list(outputs) == [spec.name for spec in OUTPUTS[BRIGHTNESS]]
    torch.testing.assert_close(outputs["distance"], outputs["level"].abs() / 2)
    assert list(everything) == ["distance", "level", "logits", "feature_vector"]
    assert train(run) == record, "a training that ended is not done again"


def test_images_without_a_label_are_refused_where_the_task_needs_one(
    recipe: Recipe, tmp_path: Path
) -> None:
    facts = {"name": "classes", "data": {"root": str(recipe.data.root)}}
    with pytest.raises(DataError, match="outside class folders"):
        check(RunFolder(tmp_path / "run", make_recipe(facts)))


def test_a_head_that_takes_maps_can_be_captured_for_export(recipe: Recipe) -> None:
    card, task = load_card(recipe.model.backbone), train_tasks.TASKS[BRIGHTNESS]
    from edgefit.export.program import capture
    from edgefit.train.backbones.build import build_backbone

    spec = InputSpec(64, 64)
    network = EdgeNetwork(
        build_backbone(card), Level(), spec, readout=task.readout, taps=task.taps(card)
    ).eval()
    program = capture(network, spec)
    frames_NHWC = torch.randint(0, 255, (3, 64, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        found, expected = program.module()(frames_NHWC), network(frames_NHWC)
    assert list(found) == list(expected) == ["distance", "level"]
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, atol=1e-5, rtol=1e-4)
