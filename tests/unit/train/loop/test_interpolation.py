"""The line between two sets of weights: its ends, its rule, and statistics made anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgefit.recipe import InterpolationConfig
from edgefit.records.train import LinePoint
from edgefit.train.loop.interpolation import between, choose, interpolate, recompute_statistics
from tests.tiny_network import SPEC, colour_frames, tiny_network

CURVE = [
    LinePoint(alpha=alpha, metrics={"accuracy": accuracy, "loss": loss})
    for alpha, accuracy, loss in (
        (0.0, 0.80, 0.9),
        (0.5, 0.95, 0.4),
        (0.75, 0.96, 0.3),
        (1.0, 0.96, 0.2),
    )
]


class Frames:
    """What the functions need of a frame store."""

    def __init__(self, frames_NHWC: np.ndarray) -> None:
        self.frames_NHWC = frames_NHWC

    def __len__(self) -> int:
        return len(self.frames_NHWC)

    def frame(self, index: int) -> np.ndarray:
        return self.frames_NHWC[index]


@pytest.mark.parametrize(
    ("rule", "tolerance", "alpha"),
    [("best", 0.0, 1.0), ("general", 0.0, 0.75), ("general", 0.01, 0.5), ("general", 0.2, 0.0)],
)
def test_the_rule_picks_the_point(rule: str, tolerance: float, alpha: float) -> None:
    config = InterpolationConfig(points=4, rule=rule, tolerance=tolerance)
    assert choose(CURVE, "accuracy", config) == alpha


def test_the_ends_come_back_bit_for_bit_and_the_middle_is_the_mean() -> None:
    start, end = tiny_network(steps=0).state_dict(), tiny_network(steps=5).state_dict()
    for alpha, side in ((0.0, start), (1.0, end)):
        assert all(torch.equal(v, side[k]) for k, v in between(start, end, alpha).items())
    middle = between(start, end, 0.5)
    weight = "backbone.0.weight"
    torch.testing.assert_close(middle[weight], (start[weight] + end[weight]) / 2)
    counter = "backbone.1.num_batches_tracked"
    assert torch.equal(middle[counter], end[counter])


def test_the_line_is_measured_and_the_chosen_weights_are_those_measured() -> None:
    network = tiny_network(steps=0)
    start, end = network.state_dict(), tiny_network(steps=40).state_dict()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    frames_NHWC, targets_N = colour_frames(32, seed=3)

    def measure(moving: torch.nn.Module) -> dict[str, float]:
        with torch.inference_mode():
            logits = moving.logits(torch.from_numpy(frames_NHWC))
        right = (logits.argmax(1).numpy() == targets_N).mean()
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets_N))
        return {"accuracy": float(right), "loss": float(loss)}

    config = InterpolationConfig(points=3, rule="best")
    line = interpolate(network, start, end, config, metric="accuracy", measure=measure)
    assert [p.alpha for p in line.points] == [0.0, 0.5, 1.0]
    assert line.points[-1].metrics["accuracy"] > line.points[0].metrics["accuracy"]
    chosen = tiny_network(steps=0)
    chosen.load_state_dict(line.state)
    at_alpha = next(p for p in line.points if p.alpha == line.alpha)
    assert measure(chosen)["accuracy"] == at_alpha.metrics["accuracy"]
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_statistics_are_those_of_the_frames() -> None:
    network = tiny_network(steps=0)
    norm = network.backbone[1]
    counter = norm.num_batches_tracked.clone()
    frames_NHWC, _ = colour_frames(64, seed=4)
    with torch.no_grad():
        seen = network.backbone[0](network.normalise(torch.from_numpy(frames_NHWC)))
    recompute_statistics(network, Frames(frames_NHWC))  # type: ignore[arg-type]
    torch.testing.assert_close(norm.running_mean, seen.mean((0, 2, 3)), rtol=1e-3, atol=1e-3)
    assert not norm.training
    assert norm.momentum == 0.1
    assert torch.equal(norm.num_batches_tracked, counter)


def test_statistics_do_not_depend_on_the_order_of_classes() -> None:
    """Black pictures before white ones: batches in this order would not vary at all."""
    network = tiny_network(steps=0)
    norm = network.backbone[1]
    frames_NHWC = np.repeat(np.array([0, 255], dtype=np.uint8), 640)
    frames_NHWC = np.broadcast_to(frames_NHWC[:, None, None, None], (1280, *SPEC.shape_HWC))
    with torch.no_grad():
        some = network.normalise(torch.from_numpy(frames_NHWC[::20].copy()))
        variance = network.backbone[0](some).var((0, 2, 3))
    recompute_statistics(network, Frames(frames_NHWC))  # type: ignore[arg-type]
    assert (variance > 0.01).any()
    torch.testing.assert_close(norm.running_var, variance, rtol=0.1, atol=1e-3)


def test_one_point_is_no_line() -> None:
    with pytest.raises(ValueError, match="a line needs 2 points"):
        InterpolationConfig(points=1)


def test_frozen_norms_keep_their_statistics() -> None:
    network = tiny_network(steps=0)
    norm = network.backbone[1]
    before = norm.running_mean.clone()
    for parameter in norm.parameters():
        parameter.requires_grad_(False)
    recompute_statistics(network, Frames(colour_frames(16, seed=4)[0]))  # type: ignore[arg-type]
    assert torch.equal(norm.running_mean, before)
