"""Which folders are classes, which are splits, and what is refused."""

from __future__ import annotations

import shlex
from itertools import product
from pathlib import Path

import pytest

from edgefit.data.formats.layout import CLASSES, CLASSES_OF_SPLITS, SPLITS, Layout, find_layout
from edgefit.errors import DataError
from edgefit.recipe import DataConfig

ROOT = Path("/data/my set")


def below(tops: str, *levels: str) -> list[str]:
    """Paths of images in every folder of the product of blank-separated names."""
    folders = product(tops.split(), *(level.split() for level in levels))
    return [f"{'/'.join(parts)}/{i}.png" for parts in folders for i in range(2)]


def layout_of(paths: list[str], **config: object) -> Layout:
    return find_layout(ROOT, paths, DataConfig.model_validate(config))


def refusal(paths: list[str], **config: object) -> DataError:
    with pytest.raises(DataError) as caught:
        layout_of(paths, **config)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize(
    ("paths", "layout"),
    [
        (below("good hole"), CLASSES),
        (below("good hole", "Imgs"), CLASSES),
        (below("train test", "good hole"), SPLITS),
        (below("Training Testing", "good hole"), SPLITS),
        (below("training_set test_set dev_set", "good hole"), SPLITS),
        (below("tr va te", "good hole"), SPLITS),
        (below("TRAIN", "good hole"), SPLITS),
        (below("good hole", "train test"), CLASSES_OF_SPLITS),
        (below("good hole scratch", "Training Testing"), CLASSES_OF_SPLITS),
        (below("train boat car"), CLASSES),
        (below("train boat"), CLASSES),
        (below("test val"), CLASSES),
        (below("valid invalid"), CLASSES),
        (below("train", "fast freight") + below("boat car"), CLASSES),
        (below("good", "cam1 cam2") + below("hole", "cam1"), CLASSES),
        (below("good", "cam1 cam2") + below("hole", "top side"), CLASSES),
        (below("good hole", "d0 d1") + below("good hole"), CLASSES),
        (below("train_station test_tube cup"), CLASSES),
        (below("good hole dent", "Imgs") + below("good", "Imgs", "a b"), CLASSES),
        (below("good"), CLASSES),
        ([], CLASSES),
    ],
)
def test_clear_layouts_are_read(paths: list[str], layout: Layout) -> None:
    assert layout_of(paths) == layout


@pytest.mark.parametrize("extra", ["extra", "images", "unlabeled", "README"])
def test_a_folder_beside_train_and_test_is_refused(extra: str) -> None:
    error = refusal(below("train test", "good hole") + below(extra))
    assert "beside a folder that is neither" in error.message
    assert "data.layout: classes" in str(error.remedy)
    assert f'data.exclude=["{extra}/*"]' in shlex.split(str(error.remedy).split(", or")[0])


@pytest.mark.parametrize(
    "paths",
    [
        below("train test", "good hole") + below("extra", "good hole"),
        below("train", "good hole") + below("extra"),
        below("train images", "good hole"),
    ],
)
def test_train_and_another_folder_are_not_told_apart(paths: list[str]) -> None:
    assert "beside a folder" in refusal(paths).message
    assert layout_of(paths, layout="classes") == CLASSES


@pytest.mark.parametrize(
    "paths",
    [
        below("seg_train seg_test", "good hole scratch"),
        below("setA setB", "good hole"),
        below("test val", "good hole"),
        below("cam1 cam2 cam3", "good hole"),
        below("setA", "good hole scratch") + below("setB", "good hole"),
        below("p1", "a b") + below("p2", "a b c") + below("p3", "b c"),
        below("seg_train", "seg_train", "a b") + below("seg_test", "seg_test", "a b"),
        [*below("setA setB", "good hole dent"), "setA/preview.png"],
    ],
)
def test_the_same_folders_under_every_top_folder_are_refused(paths: list[str]) -> None:
    error = refusal(paths)
    assert "Every top folder holds the same sub-folders" in error.message
    for way in ("train, val, test", "--data", "data.include", "CSV", "data.layout: classes"):
        assert way in str(error.remedy)
    assert layout_of(paths, layout="classes") == CLASSES


def test_a_flat_folder_beside_such_folders_changes_nothing() -> None:
    error = refusal(below("seg_train seg_test", "good hole") + below("seg_pred"))
    assert "Most top folders hold the same sub-folders" in error.message


@pytest.mark.parametrize(
    "tops",
    ["cats_train cats_test dogs_train dogs_test", "seg_train seg_test seg_pred", "a-Train a-Val b"],
)
def test_words_for_splits_inside_names_are_refused(tops: str) -> None:
    error = refusal(below(tops))
    assert "words for splits" in error.message
    assert layout_of(below(tops), layout="classes") == CLASSES


@pytest.mark.parametrize(
    ("paths", "folder"),
    [
        (below("dataset", "good hole"), "dataset"),
        (below("a", "b", "good hole"), "a/b"),
        (below("set", "train test", "good hole"), "set"),
        (below("set", "train", "good hole"), "set"),
        ([*below("dataset", "good hole"), "dataset/preview.png"], "dataset"),
        ([*below("dataset", "good hole"), "preview.png"], "dataset"),
    ],
)
def test_classes_that_are_deeper_name_the_folder_to_give(paths: list[str], folder: str) -> None:
    error = refusal(paths)
    assert "deeper" in error.message
    assert shlex.split(str(error.remedy))[-2:] == ["--data", f"{ROOT}/{folder}"]


def test_splits_without_classes_one_folder_deeper_are_told() -> None:
    error = refusal(below("data", "train test"))
    assert "one folder deeper and have no class folders" in error.message
    assert shlex.quote(str(ROOT / "data")) in str(error.remedy)


def test_classes_one_folder_deeper_inside_splits_are_refused() -> None:
    error = refusal(below("train", "seg_train", "good hole") + below("test", "x", "good hole"))
    assert "one folder deeper" in error.message
    assert "train/seg_train" in str(error.found)


@pytest.mark.parametrize("second", ["Training", "train_set", "trn"])
def test_the_same_split_twice_is_refused(second: str) -> None:
    error = refusal(below(f"train {second} test", "good hole"))
    assert error.message == "Two folders name the same split."
    assert second in str(error.found)
    assert "same split" in refusal(below("good hole", f"train {second}")).message or second


def test_splits_in_some_class_folders_only_are_refused() -> None:
    error = refusal(below("good hole", "train test") + below("scratch"))
    assert "Only some folders are divided" in error.message
    assert error.found == "scratch"


def test_folders_inside_splits_inside_folders_are_refused() -> None:
    """Several products, each with its own train and test."""
    error = refusal(below("bottle cable", "train test", "good hole"))
    assert "hold further folders" in error.message
    assert f"--data '{ROOT}/bottle'" in str(error.remedy)


def test_the_key_layout_decides() -> None:
    paths = below("train test", "good hole")
    assert layout_of(paths, layout="classes") == CLASSES
    assert layout_of(paths, layout="splits") == SPLITS
    error = refusal(paths + below("extra"), layout="splits")
    assert error.key == "data.layout"
    assert "not the splits" in error.message
    assert "train" in str(refusal(below("good hole"), layout="splits").expected)


def test_without_labels_folders_need_not_be_classes() -> None:
    deep = find_layout(ROOT, below("dataset", "a b"), DataConfig(), needs_labels=False)
    assert deep == CLASSES
