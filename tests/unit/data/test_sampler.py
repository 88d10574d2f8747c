"""The order of an epoch: repeatable, balanced as asked, shared among processes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from edgefit.data.sampler import EpochSampler
from edgefit.errors import DataError

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
