"""The networks of a run: as training starts them, and as it left them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edgefit.errors import WeightsError
from edgefit.progress import Reporter
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.check import LabelsRecord
from edgefit.run import RunFolder
from edgefit.spec import LabelMap
from edgefit.train.assembly import build_network, load_trained
from edgefit.train.backbones.build import build_backbone
from edgefit.train.backbones.card import load_card
from edgefit.train.weight_files import BEST, save_weights

LABELS = LabelMap(("good", "hole", "scratch"))
FRAMES_NHWC = torch.arange(2 * 64 * 64 * 3).reshape(2, 64, 64, 3).to(torch.uint8)


def recipe_with(*overrides: str) -> Recipe:
    small = ["model.backbone=mobilenet_v3_small", "input.width=64", "input.height=64"]
    return make_recipe({"name": "x", "model": {"weights": "none"}}, [*small, *overrides])


def test_the_seed_decides_every_weight() -> None:
    one, same, other = (
        build_network(recipe_with(f"train.seed={seed}"), LABELS)[0].state_dict()
        for seed in (3, 3, 4)
    )
    assert one.keys() == same.keys() == other.keys()
    assert all(torch.equal(value, same[name]) for name, value in one.items())
    for name in ("head.1.weight", "backbone.features.0.0.weight"):
        assert not torch.equal(one[name], other[name])


def test_the_network_fits_recipe_card_and_classes() -> None:
    network, card, weights = build_network(recipe_with("model.dropout=0.4"), LABELS)
    assert card.id == "mobilenet_v3_small"
    assert (network.spec.width, network.spec.height) == (64, 64)
    assert [m.p for m in network.head.modules() if isinstance(m, nn.Dropout)] == [0.4]
    with torch.inference_mode():
        assert network.eval()(FRAMES_NHWC)["probabilities"].shape == (2, 3)
    assert (weights.source, weights.missing) == ("none", ())


def test_frozen_stages_do_not_learn() -> None:
    network, card, _ = build_network(recipe_with("train.freeze_stages=2"), LABELS)
    for name, parameter in network.backbone.named_parameters():
        assert parameter.requires_grad == (card.stage_of(name) >= 2), name
    assert all(parameter.requires_grad for parameter in network.head.parameters())


def test_weights_of_a_file_fill_the_backbone(tmp_path: Path) -> None:
    torch.manual_seed(99)
    state = build_backbone(load_card("mobilenet_v3_small")).state_dict()
    torch.save(state, tmp_path / "w.pth")
    network, _, weights = build_network(recipe_with(f"model.weights={tmp_path / 'w.pth'}"), LABELS)
    assert weights.source == "w.pth"
    found = network.backbone.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in state.items())


class Ear(Reporter):
    """Remembers what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def say(self, text: str) -> None:
        self.heard.append(text)


def test_what_was_unwrapped_is_said(tmp_path: Path) -> None:
    state = build_backbone(load_card("mobilenet_v3_small")).state_dict()
    named = {f"model.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": named}, tmp_path / "last.ckpt")
    ear = Ear()
    build_network(recipe_with(f"model.weights={tmp_path / 'last.ckpt'}"), LABELS, ear)
    assert "starts from last.ckpt (state_dict with the prefix model.): 0 tensors" in ear.heard[0]


@pytest.fixture
def trained(tmp_path: Path) -> RunFolder:
    """A run that holds weights, as the stage ``train`` leaves them."""
    run = RunFolder(tmp_path / "run", recipe_with("train.seed=8"))
    LabelsRecord(labels=LABELS.names, sha256=LABELS.sha256).write(run.root)
    network, _, _ = build_network(run.recipe(), LABELS)
    save_weights(network, run.stage_dir("train") / BEST)
    return run


def test_the_trained_network_has_the_weights_of_the_run(trained: RunFolder) -> None:
    network = load_trained(trained)
    assert not network.training
    expected = build_network(trained.recipe(), LABELS)[0].state_dict()
    found = network.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_the_temperature_divides_the_logits(trained: RunFolder) -> None:
    plain, cooled = load_trained(trained), load_trained(trained, temperature=4.0)
    with torch.inference_mode():
        logits_NC = plain.logits(FRAMES_NHWC)
        expected_NC = torch.softmax(logits_NC / 4, dim=1)
        torch.testing.assert_close(cooled(FRAMES_NHWC)["probabilities"], expected_NC)


def test_a_run_without_weights_is_refused(trained: RunFolder) -> None:
    (trained.root / "train" / BEST).unlink()
    with pytest.raises(WeightsError):
        load_trained(trained)
