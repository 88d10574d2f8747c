from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edgefit.data.augment import build_augmentation
from edgefit.data.formats import read_samples
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.loader import TrainingBatches
from edgefit.data.sampler import EpochSampler
from edgefit.data.table import SampleTable
from edgefit.data.training_set import PerThread, TrainingSet, collate
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.spec import Frame, InputSpec

SPEC = InputSpec(24, 20)
Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig())


def store_of(table: SampleTable, budget_mb: int = 8) -> FrameStore:
    return FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)


def same(frame: Frame, seed: int) -> Frame:
    return frame


@pytest.mark.parametrize("budget_mb", [0, 8])
def test_frames_are_those_of_the_input_contract(table: SampleTable, budget_mb: int) -> None:
    store = store_of(table, budget_mb)
    assert store.cached == (len(table) if budget_mb else 0)
    for index, sample in enumerate(table.samples):
        expected = preprocess(decode_image(table.absolute(sample), SPEC), SPEC)
        np.testing.assert_array_equal(store.frame(index), expected)


def test_budget_is_kept_and_the_rest_decoded(table: SampleTable) -> None:
    large = InputSpec(400, 400)  # 480,000 bytes: two in one MiB
    store = FrameStore(table.samples[:4], table.root, large, budget_mb=1)
    assert store.cached == 2
    assert store.frame(3).shape == large.shape_HWC
    with pytest.raises(ValueError, match="read-only"):
        store.frame(0)[0, 0, 0] = 1


@pytest.mark.parametrize("damage", [b"", None])
def test_a_file_that_became_unreadable_is_named(table: SampleTable, damage: bytes | None) -> None:
    path = table.absolute(table.samples[2])
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(DataError, match="no longer is") as error:
        store_of(table)
    assert error.value.path == str(path)
    with pytest.raises(DataError, match="no longer is"):
        store_of(table, 0).frame(2)


def test_frames_in_order_gives_all_once(table: SampleTable) -> None:
    store = store_of(table)
    batches = list(frames_in_order(store, 5))
    assert [len(batch) for batch in batches] == [5, 5, 5, 2]
    joined = np.concatenate(batches)
    np.testing.assert_array_equal(joined, np.stack([store.frame(i) for i in range(len(store))]))


def test_item_depends_on_seed_epoch_and_index_alone(table: SampleTable) -> None:
    def set_of(seed: int) -> TrainingSet:
        augmentation = build_augmentation("conveyor", SPEC)
        return TrainingSet(store_of(table), table.targets_N(), augmentation, seed)

    dataset = set_of(1)
    first = dataset[3, 4][0]
    for item in ((0, 0), (3, 5), (4, 4)):
        assert not np.array_equal(dataset[item][0], first)
    np.testing.assert_array_equal(set_of(1)[3, 4][0], first)
    assert any(not np.array_equal(set_of(2)[3, i][0], dataset[3, i][0]) for i in range(6))
    assert dataset[0, 16][1] == 1


def test_frames_and_targets_must_agree(table: SampleTable) -> None:
    with pytest.raises(DataError, match="differ in number"):
        TrainingSet(store_of(table), np.zeros(3, np.int64), same, 0)


TARGETS = np.array([0] * 90 + [1] * 10, dtype=np.int64)


def order(epoch: int, **options: object) -> list[tuple[int, int]]:
    sampler = EpochSampler(TARGETS, **({"batch_size": 8, "seed": 3} | options))  # type: ignore[arg-type]
    sampler.set_epoch(epoch)
    items = list(sampler)
    assert len(items) == len(sampler)
    return items


def test_order_is_a_permutation_of_seed_and_epoch() -> None:
    assert sorted(order(2)) == [(2, i) for i in range(100)]
    assert order(2) == order(2)
    assert [i for _, i in order(2)] != [i for _, i in order(3)]
    assert order(2) != order(2, seed=4)


def test_a_lonely_last_frame_is_dropped() -> None:
    assert len(order(0, batch_size=11)) == 99
    assert len(order(0, batch_size=10)) == 100
    assert len(order(0, batch_size=1)) == 100
    left_out = {
        (set(range(100)) - {i for _, i in order(e, batch_size=11)}).pop() for e in range(20)
    }
    assert len(left_out) > 10, "another frame is dropped each time"


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_balanced_sampling_draws_classes_by_a_power_of_their_images(power: float) -> None:
    images_C = np.bincount(TARGETS)
    drawn = Counter(int(TARGETS[i]) for e in range(50) for _, i in order(e, share_of_class=power))
    assert drawn.total() == 5000
    expected = images_C[1] ** power / (images_C**power).sum()
    assert drawn[1] == pytest.approx(5000 * expected, abs=50)  # one an epoch


def test_images_of_a_class_are_drawn_evenly() -> None:
    times_N = np.bincount([i for _, i in order(4, share_of_class=0.0)], minlength=len(TARGETS))
    for target in np.unique(TARGETS):
        of_class = times_N[target == TARGETS]
        assert of_class.max() - of_class.min() <= 1
    assert [i for _, i in order(4, share_of_class=0.0)] != sorted(
        i for _, i in order(4, share_of_class=0.0)
    )


def test_ranks_share_an_epoch_without_overlap() -> None:
    shares = [[i for _, i in order(1, rank=rank, world=3)] for rank in range(3)]
    assert [len(share) for share in shares] == [32, 32, 32], "99 would leave 33 = 4 * 8 + 1"
    assert len({i for share in shares for i in share}) == 96


def test_ranks_share_what_is_drawn() -> None:
    shares = [[i for _, i in order(1, rank=r, world=2, share_of_class=0.5)] for r in range(2)]
    together = [i for pair in zip(*shares, strict=True) for i in pair]
    assert together == [i for _, i in order(1, share_of_class=0.5)]


def test_a_class_of_one_image_and_one_of_none_are_drawn_as_they_are() -> None:
    targets_N = np.array([0] * 9 + [2], dtype=np.int64)
    sampler = EpochSampler(targets_N, batch_size=5, seed=1, share_of_class=0.0)
    assert sorted(int(targets_N[i]) for _, i in sampler) == [0] * 5 + [2] * 5


def test_too_few_frames_for_the_ranks() -> None:
    with pytest.raises(DataError, match="fewer training images"):
        EpochSampler(TARGETS[:2], batch_size=1, seed=0, world=3)


def test_collate_gives_uint8_and_int64() -> None:
    frames, targets = collate([(np.zeros(SPEC.shape_HWC, np.uint8), 3)] * 2)
    assert (frames.shape, frames.dtype) == ((2, *SPEC.shape_HWC), torch.uint8)
    assert (targets.tolist(), targets.dtype) == ([3, 3], torch.int64)


def test_batches_do_not_depend_on_workers(table: SampleTable) -> None:
    augmentation = PerThread(lambda: build_augmentation("conveyor", SPEC))
    dataset = TrainingSet(store_of(table), table.targets_N(), augmentation, 0)
    runs = []
    for workers in (0, 2):
        sampler = EpochSampler(dataset.targets_N, batch_size=4, seed=0)
        sampler.set_epoch(1)
        loader = TrainingBatches(dataset, sampler, batch_size=4, workers=workers)
        runs.append(list(loader))
    assert [len(targets) for _, targets in runs[0]] == [4, 4, 4, 4], "17 images, one left over"
    for (frames, targets), (others, other_targets) in zip(*runs, strict=True):
        assert torch.equal(frames, others)
        assert torch.equal(targets, other_targets)


def test_the_epoch_may_be_set_after_the_iterator_was_made(table: SampleTable) -> None:
    dataset = TrainingSet(store_of(table), table.targets_N(), lambda frame, seed: frame, 0)
    sampler = EpochSampler(dataset.targets_N, batch_size=4, seed=0)
    batches = iter(TrainingBatches(dataset, sampler, batch_size=4))
    sampler.set_epoch(3)
    found = torch.cat([targets for _, targets in batches]).tolist()
    assert found == [int(dataset.targets_N[index]) for _, index in sampler]
