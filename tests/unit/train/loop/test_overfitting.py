"""The gap in words: when it is said, and what it says."""

from __future__ import annotations

from edgefit.recipe import TrainConfig
from edgefit.records.train import EpochRow
from edgefit.train.loop.overfitting import gap_in_words

CONFIG = TrainConfig(metric="accuracy", gap_warning=0.1)


def rows(*pairs: tuple[float, float], first: int = 1, side: int = 96) -> list[EpochRow]:
    """A history of (accuracy on training images, on validation)."""
    return [
        EpochRow(
            epoch=number,
            phase="full",
            height=side,
            width=side,
            validation={"accuracy": on_validation},
            on_training={"accuracy": on_training},
            gap=on_training - on_validation,
        )
        for number, (on_training, on_validation) in enumerate(pairs, start=first)
    ]


def test_no_history_and_no_gap_say_nothing() -> None:
    assert gap_in_words([], CONFIG) is None
    assert gap_in_words(rows((0.9, 0.88), (0.95, 0.87)), CONFIG) is None


def test_a_gap_while_validation_still_rises_says_nothing() -> None:
    assert gap_in_words(rows((0.9, 0.6), (0.95, 0.7), (0.99, 0.75)), CONFIG) is None


def test_a_gap_without_a_rise_names_its_first_epoch_and_the_numbers() -> None:
    history = rows((0.8, 0.75), (0.95, 0.8), (0.99, 0.79), (1.0, 0.7))
    words = gap_in_words(history, CONFIG)
    assert words is not None
    assert "In epoch 3" in words
    assert "0.990 on training" in words
    assert "0.790 on validation, not above its earlier best of 0.800" in words
    assert "train.gap_warning is 0.1" in words
    assert words == gap_in_words(history[:3], CONFIG), "later epochs do not change it"
    assert gap_in_words(history[:2], CONFIG) is None
    assert gap_in_words(history, CONFIG.model_copy(update={"gap_warning": 0.5})) is None


def test_a_later_rise_is_told() -> None:
    history = rows((0.95, 0.8), (0.99, 0.79), (1.0, 0.8), (1.0, 0.81), (1.0, 0.85))
    words = gap_in_words(history, CONFIG)
    assert words is not None
    assert "It rose above that in epoch 4, to 0.810." in words
    assert "It rose" not in str(gap_in_words(history[:3], CONFIG))


def test_epochs_on_smaller_images_are_not_compared_with_larger_ones() -> None:
    history = rows((0.99, 0.95), side=64) + rows((0.99, 0.8), (0.99, 0.79), first=2)
    assert gap_in_words(history[:2], CONFIG) is None
    assert "In epoch 3" in str(gap_in_words(history, CONFIG))


def test_a_gap_while_training_falls_too_says_nothing() -> None:
    assert gap_in_words(rows((0.66, 0.5), (0.59, 0.43)), CONFIG) is None
    assert "In epoch 3" in str(gap_in_words(rows((0.66, 0.5), (0.59, 0.43), (0.7, 0.4)), CONFIG))
