from __future__ import annotations

import inspect
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from edgefit.data.split import assign_splits, require_every_class
from edgefit.data.table import SPLITS, Sample, SampleTable
from edgefit.data.tasks import TASKS
from edgefit.errors import DataError
from edgefit.recipe import SplitConfig
from edgefit.spec import CLASSIFICATION, LabelMap

ROOT = Path("set")
TASK = TASKS[CLASSIFICATION]


def table_of(samples: Iterable[Sample]) -> SampleTable:
    samples = tuple(samples)
    return SampleTable(ROOT, samples, LabelMap(tuple(sorted({s.label for s in samples}))))


def random_table(seed: int) -> SampleTable:
    """Two to seven classes of three to thirty groups of one to twelve images."""
    rng = random.Random(seed)
    return table_of(
        Sample(f"{label}/{group}_{image}.png", f"c{label}", None, f"{label}/{group}")
        for label in range(rng.randint(2, 7))
        for group in range(rng.randint(3, 30))
        for image in range(rng.randint(1, 12))
    )


def splits_of_groups(table: SampleTable) -> dict[str, set[str | None]]:
    splits = defaultdict(set)
    for sample in table.samples:
        splits[sample.group].add(sample.split)
    return splits


@pytest.mark.parametrize("function", [assign_splits, require_every_class])
def test_no_task_is_taken_for_granted(function: Callable[..., object]) -> None:
    assert inspect.signature(function).parameters["task"].default is inspect.Parameter.empty


@pytest.mark.parametrize("seed", range(25))
def test_no_group_is_divided_and_every_class_is_everywhere(seed: int) -> None:
    table = assign_splits(random_table(seed), SplitConfig(seed=seed), TASK)
    assert all(len(splits) == 1 for splits in splits_of_groups(table).values())
    counts = table.counts()
    assert set(counts) == set(SPLITS)
    assert all(images > 0 for classes in counts.values() for images in classes.values())


@pytest.mark.parametrize("seed", range(25))
def test_fractions_hold_for_each_class_within_a_group(seed: int) -> None:
    config = SplitConfig(validation=0.15, test=0.2, seed=seed)
    table = assign_splits(random_table(seed), config, TASK)
    counts = table.counts()
    for name in table.labels.names:
        images = sum(counts[split][name] for split in SPLITS)
        for split, share in (("train", 0.65), ("val", 0.15), ("test", 0.2)):
            # The largest group has 12 images; a class of three groups cannot do better than one.
            assert abs(counts[split][name] - share * images) <= 12


def test_single_images_are_divided_exactly() -> None:
    samples = (Sample(f"{c}{i}.png", c, None, f"{c}{i}") for c in "ab" for i in range(100))
    counts = assign_splits(table_of(samples), SplitConfig(validation=0.1, test=0.3), TASK).counts()
    for split, expected in (("train", 60), ("val", 10), ("test", 30)):
        assert counts[split] == {"a": expected, "b": expected}


def test_same_seed_same_split_in_any_order() -> None:
    table = random_table(3)
    shuffled = list(table.samples)
    random.Random(0).shuffle(shuffled)
    first = assign_splits(table, SplitConfig(seed=7), TASK)
    second = assign_splits(table.with_samples(shuffled), SplitConfig(seed=7), TASK)
    assert {s.path: s.split for s in first.samples} == {s.path: s.split for s in second.samples}
    assert [s.path for s in second.samples] == [s.path for s in shuffled], "order is kept"


def test_another_seed_is_another_split() -> None:
    table = random_table(3)
    first = assign_splits(table, SplitConfig(seed=0), TASK)
    other = assign_splits(table, SplitConfig(seed=1), TASK)
    moved = [a for a, b in zip(first.samples, other.samples, strict=True) if a.split != b.split]
    assert len(moved) > len(table) / 10, "images of every part of the set go elsewhere"


def test_one_large_group_goes_to_training() -> None:
    samples = [Sample(f"a{i}.png", "a", None, "big") for i in range(100)]
    samples += [Sample(f"a_{g}.png", "a", None, f"small{g}") for g in range(10)]
    samples += [Sample(f"b{i}.png", "b", None, f"b{i}") for i in range(20)]
    table = assign_splits(table_of(samples), SplitConfig(), TASK)
    assert splits_of_groups(table)["big"] == {"train"}


def test_groups_with_several_classes() -> None:
    rng = random.Random(0)
    samples = [
        Sample(f"{g}_{i}.png", rng.choice("abc"), None, f"g{g}")
        for g in range(30)
        for i in range(4)
    ]
    table = assign_splits(table_of(samples), SplitConfig(), TASK)
    assert all(len(splits) == 1 for splits in splits_of_groups(table).values())
    assert all(all(classes.values()) for classes in table.counts().values())


def stated(*counts: tuple[str, str, int]) -> SampleTable:
    return table_of(
        Sample(f"{split}/{label}/{i}.png", label, split, f"{split}/{label}/{i}")
        for split, label, images in counts
        for i in range(images)
    )


def test_stated_test_is_kept_and_validation_comes_from_training() -> None:
    table = stated(("train", "a", 20), ("train", "b", 40), ("test", "a", 5), ("test", "b", 5))
    split = assign_splits(table, SplitConfig(validation=0.2), TASK)
    assert split.counts() == {
        "train": {"a": 16, "b": 32},
        "val": {"a": 4, "b": 8},
        "test": {"a": 5, "b": 5},
    }
    for before, after in zip(table.samples, split.samples, strict=True):
        assert after.split == before.split or (before.split, after.split) == ("train", "val")


def test_complete_statement_is_kept_as_it_is() -> None:
    table = stated(*[(split, label, 2) for split in SPLITS for label in "ab"])
    assert assign_splits(table, SplitConfig(), TASK) is table


def test_only_training_stated_gives_both_others() -> None:
    split = assign_splits(stated(("train", "a", 20), ("train", "b", 20)), SplitConfig(), TASK)
    assert set(split.counts()) == set(SPLITS)


def test_too_few_groups_names_class_images_and_groups() -> None:
    samples = [Sample(f"a{i}.png", "a", None, f"a{i % 2}") for i in range(9)]
    samples += [Sample(f"b{i}.png", "b", None, f"b{i}") for i in range(9)]
    with pytest.raises(DataError, match="too few groups") as error:
        assign_splits(table_of(samples), SplitConfig(), TASK)
    assert error.value.found == "'a' (9 images in 2 groups)"
    assert "data.exclude" in str(error.value)


def test_a_class_with_one_image_is_a_clear_error() -> None:
    samples = [Sample("a.png", "a", None, "a")]
    samples += [Sample(f"b{i}.png", "b", None, f"b{i}") for i in range(9)]
    with pytest.raises(DataError, match="too few groups"):
        assign_splits(table_of(samples), SplitConfig(), TASK)


def test_single_class_is_an_error() -> None:
    samples = [Sample(f"a{i}.png", "a", None, f"a{i}") for i in range(9)]
    with pytest.raises(DataError, match="single class"):
        assign_splits(table_of(samples), SplitConfig(), TASK)


def test_a_class_whose_images_were_all_left_out_is_an_error() -> None:
    table = random_table(0)
    left = table.with_samples(s for s in table.samples if s.label != "c0")
    with pytest.raises(DataError, match="no usable images") as error:
        assign_splits(left, SplitConfig(), TASK)
    assert error.value.found == "c0"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (stated(("test", "a", 5), ("test", "b", 5)), "none is for training"),
        (stated(("train", "a", 9), ("train", "b", 9), ("test", "a", 5)), "missing from splits"),
        (
            stated(("train", "a", 9), ("test", "a", 9), ("test", "b", 9)),
            "missing from splits",
        ),
    ],
)
def test_stated_splits_that_cannot_serve(table: SampleTable, message: str) -> None:
    with pytest.raises(DataError, match=message):
        assign_splits(table, SplitConfig(), TASK)


def test_stated_splits_that_divide_a_group_are_a_leak() -> None:
    samples = [
        Sample(f"{split}{label}{i}.png", label, split, f"{label}{i}")
        for split in ("train", "test")
        for label in "ab"
        for i in range(4)
    ]
    with pytest.raises(DataError, match="divide 8 of 8 groups") as error:
        assign_splits(table_of(samples), SplitConfig(), TASK)
    assert "a0, a1" in str(error.value.found)


def test_partly_stated_splits_are_an_error() -> None:
    samples = [Sample("a.png", "a", "train", "a"), Sample("b.png", "b", None, "b")]
    with pytest.raises(DataError, match="some have none"):
        assign_splits(table_of(samples), SplitConfig(), TASK)


def test_groups_that_hold_all_classes_together_cannot_be_divided() -> None:
    # Class b lives in the three groups of class a and class c in two of these: no deal exists
    # that puts three classes into three splits, because c has no third group.
    samples = [Sample(f"{g}{c}.png", c, None, f"g{g}") for g in range(3) for c in "ab"]
    samples += [Sample(f"{g}c.png", "c", None, f"g{g}") for g in range(2)]
    with pytest.raises(DataError, match="too few groups"):
        assign_splits(table_of(samples), SplitConfig(), TASK)
