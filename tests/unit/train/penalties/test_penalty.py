"""What every penalty has, whichever it is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch

from edgefit.train.penalties.feature_distillation import FeatureDistillation
from edgefit.train.penalties.l2_sp import StartingPointPenalty
from edgefit.train.penalties.penalty import Penalty, TrainingStep
from tests.tiny_network import tiny_network
from tests.unit.train.penalties.steps import moved, step_of


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


@pytest.mark.parametrize("build", [StartingPointPenalty, FeatureDistillation])
def test_a_penalty_is_a_column_of_the_log_and_a_scalar(build: Any) -> None:
    network = tiny_network(steps=0)
    penalty = build(network.backbone, 0.1)
    assert isinstance(penalty, Penalty)
    assert penalty.name.split() == [penalty.name]
    assert penalty.learns == [] and penalty.main_share == 1.0
    value = penalty(step_of(network))
    assert value.shape == () and value.dtype == torch.float32


def test_what_lacks_a_part_is_not_a_penalty() -> None:
    def only_called(step: TrainingStep) -> torch.Tensor:
        return torch.zeros(())

    assert not isinstance(only_called, Penalty)


def test_a_step_is_the_only_process_unless_it_says_otherwise() -> None:
    step = step_of(tiny_network(steps=0))
    assert (step.rank, step.world) == (0, 1)
    with pytest.raises(FrozenInstanceError):
        step.rank = 1  # type: ignore[misc]
