"""The network's signature and what is inside it."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import functional

from tests.tiny_network import SPEC, answers, colour_frames, tiny_network


def test_frames_in_probabilities_out() -> None:
    frames_NHWC, targets_N = colour_frames(12, seed=5)
    probabilities_NC = answers(tiny_network(), frames_NHWC)
    assert probabilities_NC.shape == (12, 4)
    assert probabilities_NC.dtype == np.float32
    np.testing.assert_allclose(probabilities_NC.sum(axis=1), 1, atol=1e-6)
    assert (probabilities_NC.argmax(axis=1) == targets_N).mean() > 0.9


def test_it_normalises_as_torchvision_does() -> None:
    frames_NHWC, _ = colour_frames(3, seed=1)
    found = tiny_network(steps=0).normalise(torch.from_numpy(frames_NHWC))
    expected = torch.stack(
        [
            functional.normalize(functional.to_tensor(frame), list(SPEC.mean), list(SPEC.std))
            for frame in frames_NHWC
        ]
    )
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


def test_temperature_softens_and_keeps_the_order() -> None:
    network = tiny_network()
    frames_NHWC, _ = colour_frames(8, seed=3)
    with torch.inference_mode():
        logits = network.logits(torch.from_numpy(frames_NHWC))
    for temperature in (0.5, 1.0, 4.0):
        network.temperature.fill_(temperature)
        found = torch.from_numpy(answers(network, frames_NHWC))
        torch.testing.assert_close(found, torch.softmax(logits / temperature, dim=1))


def test_the_memory_order_of_the_weights_does_not_change_the_answer() -> None:
    frames_NHWC, _ = colour_frames(8, seed=3)
    plain = answers(tiny_network(), frames_NHWC)
    network = tiny_network().to(memory_format=torch.channels_last)
    np.testing.assert_allclose(answers(network, frames_NHWC), plain, atol=1e-5)


def test_normalisation_and_temperature_are_saved_with_the_weights() -> None:
    state = tiny_network(steps=0).state_dict()
    assert {"mean_255", "std_255", "temperature"} <= set(state)
    assert float(state["temperature"]) == 1.5
