"""Batches of a training, and the plain loaders beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgefit.data.frame_store import FrameStore
from edgefit.data.loader import TrainingBatches
from edgefit.errors import DataError, RecipeError
from edgefit.progress import Reporter
from edgefit.train.backbones.card import input_spec
from edgefit.train.loop import loaders as batches
from edgefit.train.loop.loaders import ValidationSet, make_loaders, share_of_batch
from edgefit.train.split_frames import decode_splits
from tests.unit.train.loop.shapes_training import Shapes


@pytest.mark.parametrize(
    ("cores", "ranks", "on_gpu", "expected"),
    [
        (2, 1, False, 0),
        (2, 1, True, 1),
        (3, 1, False, 2),
        (64, 1, False, 2),
        (4, 1, True, 3),
        (16, 8, True, 1),
        (16, 2, True, 7),
        (64, 1, True, 8),
        (1, 1, True, 1),
    ],
)
def test_auto_workers_fit_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, ranks: int, on_gpu: bool, expected: int
) -> None:
    monkeypatch.setattr(batches, "available_cores", lambda: cores)
    assert batches.worker_count("auto", ranks, on_gpu=on_gpu) == expected
    assert batches.worker_count(5, ranks, on_gpu=on_gpu) == 5


def test_a_gpu_is_fed_by_threads_where_shared_memory_is_small(
    shapes: Shapes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[bool, int]] = []

    def look(*args: Any, **options: Any) -> TrainingBatches:
        seen.append((options["processes"], options["workers"]))
        return TrainingBatches(*args, **{**options, "processes": False, "pinned": False})

    monkeypatch.setattr(batches, "TrainingBatches", look)
    monkeypatch.setattr(batches, "available_cores", lambda: 16)
    recipe = shapes.recipe("train.workers=auto")
    frames = decode_splits(recipe, shapes.table, input_spec(recipe))
    for has_room in (True, False):
        monkeypatch.setattr(batches, "room_for", lambda *_, room=has_room, **__: room)
        batches.make_loaders(recipe.train, shapes.table, frames, on_gpu=True, reporter=Reporter())
        assert ("shared memory is too small" in capsys.readouterr().err) is not has_room
    assert seen == [(True, 8), (False, 2)], "many threads make fewer batches than few"


@pytest.mark.parametrize("enlarge", ["as-in-use", "bilinear"])
def test_training_images_beside_validation_are_measured_as_in_use(
    shapes: Shapes, enlarge: str
) -> None:
    size = ("input.width=96", "input.height=96", "input.enlarge=lanczos")
    recipe = shapes.recipe(*size, f"train.enlarge={enlarge}")
    frames = decode_splits(recipe, shapes.table, input_spec(recipe))
    _, (_, on_training) = batches.make_loaders(recipe.train, shapes.table, frames)
    split = shapes.table.of("train")
    as_in_use = FrameStore(split.samples, split.root, input_spec(recipe))
    expected = sorted(
        (int(target), as_in_use.frame(index).tobytes())
        for index, target in enumerate(split.targets_N())
    )
    shown = sorted(
        (int(target), frame.numpy().tobytes())
        for frames_NHWC, targets_N in on_training
        for frame, target in zip(frames_NHWC, targets_N, strict=True)
    )
    assert shown == expected
    assert (frames.train.frame(0) == as_in_use.frame(0)).all() == (enlarge == "as-in-use")


@pytest.mark.parametrize(
    ("gpu", "options", "expected"),
    [
        (True, ["train.accelerator=auto", "train.workers=auto"], True),
        (True, ["train.accelerator=gpu", "train.workers=3"], True),
        (False, ["train.accelerator=auto", "train.workers=auto"], False),
        (True, ["train.accelerator=cpu", "train.workers=auto"], False),
        (True, ["train.accelerator=auto", "train.workers=0"], False),
        (True, ["train.accelerator=auto", "train.workers=auto", "train.mode=probe"], False),
    ],
)
def test_workers_are_prepared_where_a_gpu_will_need_them(
    shapes: Shapes,
    monkeypatch: pytest.MonkeyPatch,
    gpu: bool,
    options: list[str],
    expected: bool,
) -> None:
    started: list[bool] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(batches, "start_importing", lambda: started.append(True))
    batches.prepare_workers(shapes.recipe(*options).train)
    assert bool(started) is expected


@pytest.mark.parametrize(
    ("batch_size", "images", "world", "share"), [(8, 100, 1, 8), (8, 100, 4, 2), (500, 30, 1, 500)]
)
def test_a_batch_is_for_all_processes(batch_size: int, images: int, world: int, share: int) -> None:
    assert share_of_batch(batch_size, images, world) == share


@pytest.mark.parametrize(
    ("batch_size", "images", "world", "words"),
    [
        (9, 100, 2, "cannot be divided evenly"),
        (1, 100, 1, "two images in a batch."),
        (8, 1, 1, "two images in a batch."),
        (4, 100, 4, "two images in a batch of each process"),
        (8, 7, 4, "two images in a batch of each process"),
    ],
)
def test_a_batch_that_no_process_can_train_on_is_refused(
    batch_size: int, images: int, world: int, words: str
) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        share_of_batch(batch_size, images, world)
    assert caught.value.key == "train.batch_size"


def test_processes_share_the_validation_images(shapes: Shapes) -> None:
    recipe = shapes.recipe()
    frames = decode_splits(recipe, shapes.table, input_spec(recipe))
    validation = shapes.table.of("val")
    for position, images in ((0, len(validation)), (1, len(shapes.table.of("train")))):
        shown: list[int] = []
        for rank in range(2):
            loaders = make_loaders(recipe.train, shapes.table, frames, rank=rank, world=2)[1]
            dataset = loaders[position].dataset
            assert isinstance(dataset, ValidationSet)
            shown += dataset.indices
        assert sorted(shown) == list(range(images))
    with_targets = [
        make_loaders(recipe.train, shapes.table, frames)[1][0].dataset[i] for i in (0, 1)
    ]
    for index, (frame, target) in enumerate(with_targets):
        np.testing.assert_array_equal(frame, frames.val.frame(index))
        assert target == validation.targets_N()[index]


def test_a_wrong_augmentation_is_an_error_before_any_batch(shapes: Shapes) -> None:
    recipe = shapes.recipe()
    frames = decode_splits(recipe, shapes.table, input_spec(recipe))
    config = recipe.train.model_copy(update={"augment": "absent.json"})
    with pytest.raises(DataError, match="absent"):
        make_loaders(config, shapes.table, frames)
