"""A training whose loss is not a number, or explodes, is stopped within the epoch."""

from __future__ import annotations

import math

import pytest
import torch

from edgefit.errors import StageError
from edgefit.train.loop.divergence import CHECK_EVERY, LossWatch


def watch(*losses: float, classes: int = 4) -> LossWatch:
    """A watch that has seen losses in epoch 3."""
    watched = LossWatch(classes, learning_rate=0.25)
    watched.begin(2)
    for loss in losses:
        watched.add({"train_loss": torch.tensor(loss)})
    return watched


def test_no_advice_goes_beyond_a_high_rate() -> None:
    watched = LossWatch(4, learning_rate=1e9)
    watched.begin(0)
    assert "(--set train.learning_rate=0.1)" in str(watched.fail("it exploded").remedy)


def test_a_loss_that_is_no_number_stops_within_a_few_steps() -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(StageError, match="diverged in epoch 3: the loss is not a number") as e:
            watch(1.0, bad, *[1.0] * (CHECK_EVERY - 2))
        assert e.value.key == "train.learning_rate"
        assert "train.learning_rate=0.05" in str(e.value.remedy)
    with pytest.raises(StageError, match="not a number"):
        watch(math.nan)
    with pytest.raises(StageError, match="not a number"):
        watch(1.0, math.nan).end()


def test_a_penalty_that_is_no_number_stops_too() -> None:
    watched = LossWatch(4, 0.1)
    watched.begin(0)
    with pytest.raises(StageError, match="not a number"):
        watched.add({"train_loss": torch.tensor(1.0), "distill": torch.tensor(math.nan)})


def test_an_exploding_loss_stops_and_single_bad_batches_do_not() -> None:
    bound = 5 * math.log(4)
    steps = CHECK_EVERY - 1
    with pytest.raises(StageError, match="exploded to"):
        watch(1.0, *[bound * 1.2] * steps)
    watch(1.0, bound * 3, *[1.0] * (steps - 1))
    watch(20.0, *[60.0] * steps)  # a start that is bad already is no explosion


def test_epochs_of_few_steps_are_judged_together() -> None:
    bad = torch.tensor(5 * math.log(4) * 1.5)
    watched = watch(1.0, float(bad))
    watched.end()  # two steps prove nothing
    with pytest.raises(StageError, match=r"diverged in epoch \d+: the loss has exploded"):
        for epoch in range(3, 12):
            watched.begin(epoch)
            watched.add({"train_loss": bad})
            watched.end()


def test_the_means_of_an_epoch() -> None:
    watched = watch(1.0, 2.0)
    watched.begin(3)
    for loss in (2.0, 4.0, 6.0):
        watched.add({"train_loss": torch.tensor(loss), "pull": torch.tensor(0.5)})
    assert watched.end() == {"train_loss": 4.0, "pull": 0.5}
