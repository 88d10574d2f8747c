"""The moving average of the weights, against its closed form."""

from __future__ import annotations

import torch
from torch import nn

from edgefit.train.loop.ema import MovingAverage


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2))


def fill(module: nn.Module, value: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


def test_the_decay_warms_up() -> None:
    average = MovingAverage(network(), 0.9, buffers=False)
    assert [average.decay_at(t) for t in (0, 8, 1000)] == [0.1, 0.5, 0.9]


def test_it_is_the_recursion_by_hand() -> None:
    module = network()
    fill(module, 1.0)
    average = MovingAverage(module, 0.5, buffers=False)
    expected = 1.0
    for t, value in enumerate((3.0, -2.0, 5.0)):
        fill(module, value)
        average.update()
        decay = min(0.5, (1 + t) / (10 + t))
        expected = decay * expected + (1 - decay) * value
    with average.applied():
        for parameter in module.parameters():
            torch.testing.assert_close(parameter.data, torch.full_like(parameter, expected))
    assert all(bool((p == 5.0).all()) for p in module.parameters())
    assert average.updates == 3


def test_statistics_are_averaged_only_where_they_learn() -> None:
    for buffers in (False, True):
        module = network()
        average = MovingAverage(module, 0.5, buffers=buffers)
        module[1].running_mean.fill_(1.0)
        average.update()
        with average.applied():
            expected = 0.9 if buffers else 1.0
            torch.testing.assert_close(module[1].running_mean, torch.full((4,), expected))


def test_frozen_parameters_are_left_out_and_the_memory_order_is_followed() -> None:
    module = network()
    module[2].requires_grad_(False)
    average = MovingAverage(module, 0.5, buffers=False)
    module.to(memory_format=torch.channels_last).double()
    average.follow()
    average.update()
    state = average.state()["average"]
    assert isinstance(state, dict)
    assert set(state) == {"0.weight", "0.bias", "1.weight", "1.bias"}
    assert state["0.weight"].dtype == torch.float64
    assert state["0.weight"].stride() == module[0].weight.stride()


def test_a_state_comes_back() -> None:
    module, other = network(), network()
    average = MovingAverage(module, 0.5, buffers=True)
    fill(module, 2.0)
    average.update()
    taken_up = MovingAverage(other, 0.5, buffers=True)
    taken_up.load(average.state())
    assert taken_up.updates == 1
    with average.applied(), taken_up.applied():
        for a, b in zip(module.parameters(), other.parameters(), strict=True):
            assert torch.equal(a, b)
