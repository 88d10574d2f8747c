"""L2-SP: every backbone weight that learns is pulled to where it started."""

from __future__ import annotations

import pytest
import torch

from edgefit.train.penalties.l2_sp import StartingPointPenalty
from tests.tiny_network import tiny_network
from tests.unit.train.penalties.steps import moved, step_of


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
