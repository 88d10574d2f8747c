"""Remedies that hold on to the start: L2-SP and feature distillation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.feature_distillation import FeatureDistillation
from edgefit.train.penalties.l2_sp import StartingPointPenalty
from edgefit.train.penalties.penalty import TrainingStep
from tests.tiny_network import colour_frames, tiny_network


def step_of(network: EdgeNetwork, *, count: int = 8, **other: Any) -> TrainingStep:
    """One training step on colour frames, as the loop makes it."""
    frames, targets = (torch.from_numpy(x) for x in colour_frames(count, seed=1))
    images_NCHW = network.normalise(frames)
    features_NF = network.backbone(images_NCHW)
    logits_NC = network.head(features_NF)
    step = TrainingStep(
        network, frames, images_NCHW, features_NF, logits_NC, targets, epoch=0, index=0, seed=0
    )
    return replace(step, **other)


def moved(network: EdgeNetwork, by: float) -> None:
    """Push every weight of the backbone."""
    with torch.no_grad():
        for parameter in network.backbone.parameters():
            parameter.add_(by)


def test_the_pull_is_half_the_squared_way_from_the_start() -> None:
    network = tiny_network(steps=0)
    penalty = StartingPointPenalty(network.backbone, 0.1)
    assert float(penalty(step_of(network)).detach()) == 0
    moved(network, 0.5)
    parameters = sum(p.numel() for p in network.backbone.parameters())
    value = penalty(step_of(network))
    assert float(value.detach()) == pytest.approx(0.1 / 2 * parameters * 0.25, rel=1e-5)
    value.backward()
    for parameter in network.backbone.parameters():
        torch.testing.assert_close(parameter.grad, torch.full_like(parameter, 0.05))
    assert all(parameter.grad is None for parameter in network.head.parameters())
    assert penalty.replaces_weight_decay


def test_frozen_parameters_are_not_pulled() -> None:
    network = tiny_network(steps=0)
    for parameter in network.backbone[0].parameters():
        parameter.requires_grad_(False)
    penalty = StartingPointPenalty(network.backbone, 2.0)
    moved(network, 1.0)
    learning = sum(p.numel() for p in network.backbone.parameters() if p.requires_grad)
    assert float(penalty(step_of(network)).detach()) == pytest.approx(learning)


def test_distillation_costs_nothing_at_the_start_and_one_where_all_is_forgotten() -> None:
    network = tiny_network(steps=5)
    penalty = FeatureDistillation(network.backbone, 3.0)
    step = step_of(network)
    assert float(penalty(step).detach()) == pytest.approx(0, abs=1e-10)
    gone = replace(step, features_NF=torch.zeros_like(step.features_NF))
    assert float(penalty(gone)) == pytest.approx(3.0, rel=1e-5)
    assert not penalty.replaces_weight_decay


def test_distillation_has_no_unit() -> None:
    network = tiny_network(steps=5)
    scaled = tiny_network(steps=5)
    with torch.no_grad():
        last = scaled.backbone[5]
        assert isinstance(last, nn.Conv2d) and last.bias is not None
        last.weight.mul_(100)
        last.bias.mul_(100)
    values = []
    for one in (network, scaled):
        penalty = FeatureDistillation(one.backbone, 1.0)
        step = step_of(one)
        values.append(float(penalty(replace(step, features_NF=step.features_NF * 1.2)).detach()))
    assert values[0] == pytest.approx(values[1], rel=1e-4) == pytest.approx(0.04, rel=1e-3)


def test_the_start_stays_as_it_was_while_the_network_learns() -> None:
    network = tiny_network(steps=5)
    penalty = FeatureDistillation(network.backbone, 1.0)
    network.train()
    moved(network, 0.1)
    step = step_of(network)
    first = penalty(step)
    first.backward()
    gradient = network.backbone[0].weight.grad
    assert gradient is not None and float(gradient.abs().sum()) > 0
    assert float(first.detach()) > 0
    assert float(penalty(step).detach()) == float(first.detach())
    state = penalty._start.on(torch.device("cpu"))
    assert not state.training
    assert all(not p.requires_grad and p.grad is None for p in state.parameters())


@pytest.mark.parametrize("build", [StartingPointPenalty, FeatureDistillation])
def test_a_step_down_the_penalty_leads_back_towards_the_start(build: Any) -> None:
    network = tiny_network(steps=5)
    penalty = build(network.backbone, 0.1)
    moved(network, 0.05)
    optimizer = torch.optim.SGD(network.backbone.parameters(), lr=0.01)
    values = []
    for _ in range(10):
        value = penalty(step_of(network))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    assert values[-1] < values[0]
