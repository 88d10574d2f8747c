"""Replay: which general images a step sees, and that their classes go on being learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgefit.data.table import SampleTable
from edgefit.errors import RecipeError
from edgefit.recipe import Recipe, make_recipe
from edgefit.spec import Enlarge, InputSpec
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.build import build_penalties
from edgefit.train.penalties.penalty import Penalty, TrainingStep
from edgefit.train.penalties.replay import ReplayPenalty, build_replay
from tests.tiny_network import LABELS, colour_frames, tiny_network

IMAGES = 12


@pytest.fixture(scope="module")
def general(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes that differ in brightness, twelve pictures each."""
    root = tmp_path_factory.mktemp("general")
    rng = np.random.default_rng(3)
    for label, level in enumerate((40, 120, 200)):
        (root / f"level{label}").mkdir()
        for number in range(IMAGES):
            picture = np.clip(rng.normal(level, 15, (40, 40, 3)), 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / f"level{label}" / f"{number}.png"), picture)
    return root


def recipe_of(general: Path, weight: float = 1.0) -> Recipe:
    return make_recipe(
        {
            "name": "x",
            "retention": {"general": str(general)},
            "train": {"keep": {"replay": weight}},
        }
    )


def step_of(network: EdgeNetwork, count: int = 16, size: int = 32) -> TrainingStep:
    frames, targets = (torch.from_numpy(x) for x in colour_frames(count, seed=1))
    images = nn.functional.interpolate(network.normalise(frames), (size, size))
    features = network.backbone(images)
    return TrainingStep(
        network, frames, images, features, network.head(features), targets, 0, 0, seed=7
    )


@pytest.fixture
def penalty(general: Path) -> ReplayPenalty:
    return build_replay(recipe_of(general), tiny_network())


def test_the_head_starts_from_a_probe_not_from_chance(penalty: ReplayPenalty) -> None:
    network = tiny_network()
    value = float(penalty(step_of(network)).detach())
    torch.nn.init.zeros_(penalty.head.weight)
    torch.nn.init.zeros_(penalty.head.bias)
    chance = float(penalty(step_of(network)).detach())
    assert chance == pytest.approx(np.log(3), rel=1e-5)
    assert value < 0.6 * chance


def test_building_twice_gives_the_same_head_and_leaves_the_network_alone(general: Path) -> None:
    network = tiny_network().train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    first, second = (build_replay(recipe_of(general), network) for _ in range(2))
    assert torch.equal(first.head.weight, second.head.weight)
    assert torch.equal(first.head.bias, second.head.bias)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(module.training for module in network.modules())


@pytest.mark.slow
def test_only_the_replayed_half_is_drawn(penalty: ReplayPenalty) -> None:
    step = step_of(tiny_network(), count=8)
    drawn = [penalty.draw(replace(step, index=i)) for i in range(200)]
    assert set(np.concatenate(drawn)) == set(range(3 * IMAGES // 2))
    assert all(len(set(one)) == len(one) == 2 for one in drawn)


def test_draws_follow_seed_epoch_and_step_and_nothing_else(penalty: ReplayPenalty) -> None:
    step = step_of(tiny_network(), count=32)
    first = penalty.draw(step)
    np.random.seed(1)
    torch.manual_seed(1)
    np.testing.assert_array_equal(first, penalty.draw(step))
    for other in ({"seed": 8}, {"epoch": 1}, {"index": 1}):
        assert not np.array_equal(first, penalty.draw(replace(step, **other)))


def test_two_processes_share_what_one_would_draw(penalty: ReplayPenalty) -> None:
    network = tiny_network()
    alone = penalty.draw(step_of(network, count=32))
    half = step_of(network, count=16)
    parts = [penalty.draw(replace(half, rank=rank, world=2)) for rank in range(2)]
    assert not set(parts[0]) & set(parts[1])
    assert sorted(np.concatenate(parts)) == sorted(alone)


def test_more_images_than_there_are_is_no_error(penalty: ReplayPenalty) -> None:
    penalty.share = 1.0
    assert len(penalty.draw(step_of(tiny_network(), count=64))) == 64


def test_images_are_replayed_at_the_size_of_the_step(
    penalty: ReplayPenalty, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = tiny_network()
    step = step_of(network, size=16)
    seen: list[tuple[int, ...]] = []

    def note(module: nn.Module, args: tuple[Tensor, ...]) -> None:
        seen.append(tuple(args[0].shape))

    network.backbone.register_forward_pre_hook(note)
    penalty(step)
    assert seen == [(4, 3, 16, 16)]


def test_the_weight_scales_and_gradients_reach_backbone_and_general_head(general: Path) -> None:
    network = tiny_network()
    one, three = (build_replay(recipe_of(general, weight), network) for weight in (1.0, 3.0))
    step = step_of(network)
    assert float(three(step).detach()) == pytest.approx(3 * float(one(step).detach()))
    network.zero_grad()
    one(step).backward()
    assert float(network.backbone[0].weight.grad.abs().sum()) > 0
    assert all(parameter.grad is not None for parameter in one.learns)
    assert all(parameter.grad is None for parameter in network.head.parameters())


def test_the_general_head_is_what_learns_and_what_is_saved(penalty: ReplayPenalty) -> None:
    assert isinstance(penalty, Penalty)
    assert [tuple(p.shape) for p in penalty.learns] == [(3, 16), (3,)]
    assert set(penalty.state_dict()) == {"head.weight", "head.bias"}
    assert penalty.main_share == 1 and not penalty.replaces_weight_decay


@pytest.mark.slow
def test_replay_keeps_general_classes_that_training_alone_forgets(general: Path) -> None:
    """The task here is destructive: features are driven to zero."""

    def forgotten(weight: float) -> float:
        network = tiny_network()
        measure = build_replay(recipe_of(general), network)
        replayed = build_replay(recipe_of(general), network)
        learning = [*network.backbone.parameters(), *replayed.learns]
        optimizer = torch.optim.Adam(learning, lr=0.01)
        for index in range(30):
            step = replace(step_of(network), index=index)
            loss = step.features_NF.square().mean() + weight * replayed(step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        measure.head = replayed.head
        measure.share = 1.0
        return float(measure(replace(step_of(network), epoch=9)).detach())

    assert forgotten(3.0) < 0.5 * forgotten(0.0)


def test_small_images_are_enlarged_like_the_training_pictures_beside_them(general: Path) -> None:
    network = tiny_network(steps=1)
    network.spec = InputSpec(48, 48)
    frames = {}
    for way in Enlarge:
        facts = recipe_of(general).model_dump(mode="json")
        facts["train"]["enlarge"] = str(way)
        store = build_replay(Recipe.model_validate(facts), network)._store
        assert store.spec == InputSpec(48, 48, enlarge=way)
        frames[way] = store.frame(0)
    assert not np.array_equal(frames[Enlarge.BILINEAR], frames[Enlarge.LANCZOS])


def test_the_recipe_switches_it_on(general: Path) -> None:
    table = SampleTable(general, (), LABELS)
    penalties = build_penalties(recipe_of(general), table, tiny_network(steps=1))
    assert [p.name for p in penalties] == ["replay"]


def test_without_general_images_there_is_nothing_to_replay() -> None:
    with pytest.raises(RecipeError) as caught:
        build_replay(make_recipe({"name": "x"}), tiny_network(steps=0))
    assert caught.value.key == "retention.general"


def test_statistics_that_learn_do_not_remember_the_general_images(penalty: ReplayPenalty) -> None:
    network = tiny_network().train()
    step = step_of(network)
    norm = network.backbone[1]
    before = norm.running_mean.clone()
    penalty(step)
    assert torch.equal(norm.running_mean, before)
    assert norm.momentum == 0.1
    assert norm.training
