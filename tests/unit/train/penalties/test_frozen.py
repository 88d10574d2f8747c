"""A network that only answers: a copy that neither learns nor moves."""

from __future__ import annotations

import torch
from torch import nn

from edgefit.train.penalties.frozen import Frozen
from tests.tiny_network import colour_frames, tiny_network

CPU = torch.device("cpu")


def test_it_answers_as_the_network_did_whatever_becomes_of_that() -> None:
    network = tiny_network(steps=3)
    frames_NHWC = torch.from_numpy(colour_frames(8, seed=1)[0])
    with torch.inference_mode():
        expected_NC = network.logits(frames_NHWC)
    frozen = Frozen(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    network.train()
    with torch.inference_mode():
        torch.testing.assert_close(frozen.on(CPU).logits(frames_NHWC), expected_NC)


def test_it_is_in_eval_mode_and_has_no_gradients_while_the_network_keeps_its_own() -> None:
    network = tiny_network(steps=0).train()
    copy = Frozen(network).on(CPU)
    assert not any(module.training for module in copy.modules())
    assert not any(parameter.requires_grad for parameter in copy.parameters())
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_module_that_holds_it_does_not_take_it_for_its_own() -> None:
    holder = nn.Module()
    frozen = Frozen(tiny_network(steps=0))
    holder.frozen = frozen  # type: ignore[assignment]
    holder.train()
    assert list(holder.state_dict()) == list(holder.parameters()) == []
    assert not frozen.on(CPU).training
