"""Which epoch is kept, and when patience is over."""

from __future__ import annotations

import math
from typing import Any

import pytest

from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow
from edgefit.train.loop.early_stopping import EpochJudge, standard_error

IMAGES = 96


def row(epoch: int, accuracy: float, loss: float) -> EpochRow:
    return EpochRow(epoch=epoch, phase="full", validation={"accuracy": accuracy, "loss": loss})


def judged(*epochs: tuple[float, float], images: int = IMAGES, **config: Any) -> EpochJudge:
    """A judge that has seen epochs of (accuracy, loss)."""
    judge = EpochJudge(TrainConfig(**({"metric": "accuracy"} | config)))
    for number, (accuracy, loss) in enumerate(epochs, start=1):
        judge.judge(row(number, accuracy, loss), images)
    return judge


def kept(judge: EpochJudge) -> int:
    assert judge.kept is not None
    return judge.kept.epoch


@pytest.mark.parametrize(
    ("rule", "accuracies", "epoch"),
    [
        ("best", (0.5, 0.8, 0.7), 2),
        ("last", (0.5, 0.8, 0.7), 3),
        # one standard error of 0.8 on 96 images is 0.0406
        ("within-error", (0.5, 0.8, 0.7), 2),
        ("within-error", (0.5, 0.8, 0.77), 3),
        ("within-error", (0.8, 0.77, 0.9), 3),
        ("within-error", (0.8, 0.77, 0.74), 2),
        ("within-error", (1.0, 0.99, 0.97), 2),
    ],
)
def test_each_rule_keeps_its_epoch(rule: str, accuracies: tuple[float, ...], epoch: int) -> None:
    judge = judged(*((accuracy, 1.0) for accuracy in accuracies), keep_epoch=rule)
    assert kept(judge) == epoch


def test_of_equal_metrics_the_lower_loss_is_best_but_does_not_count_as_a_rise() -> None:
    epochs = ((0.8, 1.0), (0.8, 0.5), (0.8, 0.7), (0.8, 0.4), (0.8, 0.6))
    judge = judged(*epochs, keep_epoch="best", early_stopping={"patience": 4})
    assert kept(judge) == 4
    assert judge.epochs_without_gain == 4
    assert judge.patience_is_over


def test_more_images_make_the_error_smaller_and_a_share_of_one_has_an_error_too() -> None:
    assert standard_error(0.8, 96) == pytest.approx(math.sqrt(0.788 * 0.212 / 100))
    assert standard_error(0.8, 9600) < standard_error(0.8, 96)
    assert 0 < standard_error(1.0, 552) < 1 / 200
    few = judged((0.99, 1.0), (0.97, 1.0), images=100)
    many = judged((0.99, 1.0), (0.97, 1.0), images=10_000)
    assert (kept(few), kept(many)) == (1, 1)
    assert kept(judged((0.99, 1.0), (0.98, 1.0), images=100)) == 2


def test_a_gain_below_min_delta_is_kept_but_uses_up_patience() -> None:
    patience = {"patience": 2, "min_delta": 0.05}
    judge = judged((0.80, 1.0), (0.84, 0.5), early_stopping=patience)
    assert (kept(judge), judge.epochs_without_gain) == (2, 1)
    judge = judged((0.80, 1.0), (0.84, 0.5), (0.86, 0.5), early_stopping=patience)
    assert (kept(judge), judge.epochs_without_gain) == (3, 0)


def test_patience_and_its_absence() -> None:
    falling = [(0.9, 1.0), (0.8, 1.0), (0.7, 1.0)]
    for patience, over in ((1, True), (2, True), (3, False), (0, False)):
        judge = judged(*falling, early_stopping={"patience": patience})
        assert judge.patience_is_over is over, patience


def test_a_state_that_was_taken_up_goes_on() -> None:
    judge = judged((0.9, 1.0), (0.88, 1.0))
    other = judged()
    other.load(judge.state())
    for one in (judge, other):
        one.judge(row(3, 0.89, 1.0), IMAGES)
    assert other.state() == judge.state()
