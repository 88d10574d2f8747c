"""Which words name splits."""

from __future__ import annotations

import pytest

from edgefit.data.formats.splits import split_of, split_within, surely_split_of

TRAIN = (
    "train Train TRAIN training training_set training-set trainset TRAINSET TrainSet train_images "
    "trn train2017 01_train 1-Train traindata Final_Training \uff54\uff52\uff41\uff49\uff4e"
)
VAL = "val valid Validation validation_set dev devel eval val_set VALSET 02_val"
TEST = "test tests Testing test-set testset tst holdout hold-out Hold_Out held-out test2017"


@pytest.mark.parametrize(
    ("word", "split"),
    [
        *((word, "train") for word in TRAIN.split()),
        *((word, "val") for word in VAL.split()),
        *((word, "test") for word in TEST.split()),
        ("Training Set", "train"),
        (" train ", "train"),
        ("train\u00a0set", "train"),
        ("1. Train", "train"),
        ("hold out", "test"),
    ],
)
def test_common_forms_are_known(word: str, split: str) -> None:
    assert split_of(word) == split
    assert surely_split_of(word) == split


@pytest.mark.parametrize("word", ["tr", "va", "te", "ts"])
def test_short_words_count_only_beside_others(word: str) -> None:
    assert split_of(word) is not None
    assert surely_split_of(word) is None


@pytest.mark.parametrize(
    "word",
    [
        "",
        "good",
        "trainer",
        "contest",
        "train1",
        "freight train",
        "train_val",
        "images",
        "data",
        "x",
    ],
)
def test_other_names_are_no_splits(word: str) -> None:
    assert split_of(word) is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cats_train", ("cats", "train")),
        ("Test Cats", ("cats", "test")),
        ("train", None),
        ("cats", None),
        ("train_val_cats", None),
    ],
)
def test_a_split_may_be_one_word_of_a_name(name: str, found: tuple[str, str] | None) -> None:
    assert split_within(name) == found


def test_a_name_that_is_not_utf8_is_no_split() -> None:
    assert split_of("tra\udcfcn") is None
