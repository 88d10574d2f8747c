"""Learning rates: head phase, warm-up, cosine, floor."""

from __future__ import annotations

import itertools
import math

import pytest

from edgefit.recipe import TrainConfig
from edgefit.train.schedule import FLOOR, Schedule


def schedule(steps_per_epoch: int = 10, **config: float) -> Schedule:
    facts = {"epochs": 4, "head_epochs": 1, "learning_rate": 0.1, "head_learning_rate": 0.7}
    return Schedule(TrainConfig(**(facts | config)), steps_per_epoch)


def test_the_head_trains_alone_first_at_its_own_rate() -> None:
    rates = schedule()
    for step in range(10):
        assert (rates.backbone_rate(step), rates.head_rate(step)) == (0.0, 0.7)
    for step in range(10, 40):
        assert rates.backbone_rate(step) == rates.head_rate(step) > 0


def test_warm_up_rises_in_a_straight_line_to_the_peak() -> None:
    rates = schedule(warmup_epochs=0.5)
    rising = [rates.backbone_rate(step) for step in range(10, 15)]
    assert rising == pytest.approx([0.1 * k / 6 for k in range(1, 6)])
    assert rates.backbone_rate(15) == pytest.approx(0.1)


def test_cosine_falls_from_the_peak_to_the_floor() -> None:
    rates = schedule(warmup_epochs=0)
    falling = [rates.backbone_rate(step) for step in range(10, 41)]
    assert falling[0] == pytest.approx(0.1)
    assert all(a > b for a, b in itertools.pairwise(falling))
    assert falling[15] == pytest.approx(0.1 * (FLOOR + (1 - FLOOR) / 2))
    assert falling[-1] == pytest.approx(0.1 * FLOOR)
    assert rates.backbone_rate(10_000) == pytest.approx(0.1 * FLOOR)


def test_without_a_head_phase_everything_trains_from_the_first_step() -> None:
    rates = schedule(head_epochs=0, warmup_epochs=0)
    assert rates.backbone_rate(0) == rates.head_rate(0) == pytest.approx(0.1)


def test_a_warm_up_longer_than_the_phase_still_reaches_the_peak() -> None:
    rates = schedule(epochs=2, warmup_epochs=50)
    phase = [rates.backbone_rate(step) for step in range(10, 20)]
    assert phase == sorted(phase)
    assert phase[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_only_the_head_is_ever_trained(steps: int) -> None:
    rates = schedule(steps, epochs=3, head_epochs=3)
    assert {rates.head_rate(step) for step in range(3 * steps)} == {0.7}
    assert math.isfinite(rates.head_rate(3 * steps))


def test_one_step_in_all() -> None:
    rates = schedule(1, epochs=1, head_epochs=0)
    assert rates.backbone_rate(0) == pytest.approx(0.1)
    assert math.isfinite(rates.backbone_rate(1))
