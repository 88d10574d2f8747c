"""Features of the starting network are held on to."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from edgefit.train.penalties.feature_distillation import FeatureDistillation
from tests.tiny_network import tiny_network
from tests.unit.train.penalties.steps import moved, step_of


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
