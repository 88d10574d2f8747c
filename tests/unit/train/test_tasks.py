"""A task whose head takes feature maps: its data, its network and its single phase."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgefit.data.frozen import frozen_samples
from edgefit.errors import DataError
from edgefit.export.program import capture
from edgefit.recipe import ModelConfig, Recipe, make_recipe
from edgefit.records.train import EpochRow, KeptWeights, TrainRecord
from edgefit.run import RunFolder
from edgefit.spec import CLASSIFICATION, OUTPUTS, InputSpec, LabelMap, OutputSpec
from edgefit.stages.check import check
from edgefit.stages.train import train
from edgefit.train import tasks as train_tasks
from edgefit.train.assembly import load_trained
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import BackboneCard, load_card
from edgefit.train.network import EdgeNetwork
from edgefit.train.phases.phase import Outcome, Phase
from edgefit.train.training import Training
from edgefit.train.weight_files import save_weights
from tests.second_task import GLOW, GlowTraining, draw_lamps, glow_recipe, register


class Level(nn.Module):
    """Mean of a feature map, less what is usual."""

    usual: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("usual", torch.zeros(()))

    def forward(self, features_NF: Tensor, map_NCHW: Tensor) -> Tensor:
        return map_NCHW.mean((1, 2, 3))[:, None] - self.usual


class FitUsual:
    """Remembers the mean over the training images; has no epochs."""

    trains_on_devices = False

    def run(self, training: Training, before: Outcome | None) -> Outcome | None:
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


class LevelTraining(GlowTraining):
    """Two outputs, from the second map of the backbone."""

    def taps(self, card: BackboneCard) -> tuple[str, ...]:
        return (card.taps[1].module,)

    def phases(self, recipe: Recipe) -> tuple[Phase, ...]:
        return (FitUsual(),)

    def build_head(self, card: BackboneCard, labels: LabelMap, config: ModelConfig) -> nn.Module:
        return Level()

    def readout(self, logits: Tensor, temperature: Tensor) -> dict[str, Tensor]:
        return {"distance": logits[:, 0].abs() / temperature, "score": logits[:, 0]}


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Images in one folder, no label anywhere."""
    register(monkeypatch)
    outputs = tuple(OutputSpec(name, ("N",), "feature level") for name in ("distance", "score"))
    monkeypatch.setitem(OUTPUTS, GLOW, outputs)
    monkeypatch.setitem(train_tasks.TASKS, GLOW, LevelTraining())
    return glow_recipe(draw_lamps(tmp_path / "images", 20))


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
    assert isinstance(network.head, Level) and float(network.head.usual) != 0
    dark_NHWC = torch.zeros((3, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        outputs, everything = network(dark_NHWC), network.outputs(dark_NHWC)
    assert list(outputs) == [spec.name for spec in OUTPUTS[GLOW]]
    torch.testing.assert_close(outputs["distance"], outputs["score"].abs() / 2)
    assert list(everything) == ["distance", "score", "logits", "feature_vector"]
    assert train(run) == record, "a training that ended is not done again"


def test_images_without_a_label_are_refused_where_the_task_needs_one(
    recipe: Recipe, tmp_path: Path
) -> None:
    facts = {"name": "lamps", "task": CLASSIFICATION, "data": {"root": str(recipe.data.root)}}
    with pytest.raises(DataError, match="outside class folders"):
        check(RunFolder(tmp_path / "run", make_recipe(facts)))


@pytest.mark.slow
def test_a_head_that_takes_maps_can_be_captured_for_export(recipe: Recipe) -> None:
    card, task = load_card(recipe.model.backbone), train_tasks.TASKS[GLOW]
    spec = InputSpec(64, 64)
    network = EdgeNetwork(
        build_backbone(card), Level(), spec, readout=task.readout, taps=task.taps(card)
    ).eval()
    program = capture(network, spec)
    frames_NHWC = torch.randint(0, 255, (3, 64, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        found, expected = program.module()(frames_NHWC), network(frames_NHWC)
    assert list(found) == list(expected) == ["distance", "score"]
    for name, values in expected.items():
        torch.testing.assert_close(found[name], values, atol=1e-5, rtol=1e-4)
