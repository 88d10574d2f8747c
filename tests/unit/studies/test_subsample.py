"""Smaller training sets: nested, whole groups, every class, held-out images untouched."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgefit.data.table import Sample, SampleTable
from edgefit.errors import InputError
from edgefit.spec import LabelMap
from edgefit.studies.subsample import subsample

FRACTIONS = (0.05, 0.1, 0.25, 0.5, 1.0)


def table_of(groups: dict[str, list[int]], *, mixed: int = 0) -> SampleTable:
    """Classes with groups of the given sizes in train, one image a class in val and test.

    ``mixed`` groups hold one image of every class.
    """
    samples = []
    for label, sizes in groups.items():
        for number, size in enumerate(sizes):
            name = f"{label}/{number}"
            samples += [Sample(f"{name}/{i}.png", label, "train", name) for i in range(size)]
        for split in ("val", "test"):
            path = f"{label}/{split}.png"
            samples.append(Sample(path, label, split, path))
        samples += [
            Sample(f"{label}/mixed{i}.png", label, "train", f"mixed{i}") for i in range(mixed)
        ]
    return SampleTable(Path("/nowhere"), tuple(samples), LabelMap(tuple(groups)))


@pytest.fixture(
    params=[
        {"a": [1] * 200, "b": [1] * 40},
        {"a": [30] * 20, "b": [30, 29, 5], "c": [2]},
        {"a": list(range(1, 25)), "b": [100, 1, 1, 1]},
    ],
    ids=["single images", "tracks", "uneven"],
)
def table(request: pytest.FixtureRequest) -> SampleTable:
    return table_of(request.param, mixed=3)


def test_each_set_lies_inside_the_next(table: SampleTable) -> None:
    sets = [{s.path for s in subsample(table, f).samples} for f in FRACTIONS]
    for smaller, larger in pairwise(sets):
        assert smaller <= larger
    assert len(sets[0]) < len(sets[-1])


def test_everything_is_the_whole_table(table: SampleTable) -> None:
    assert subsample(table, 1.0).samples == table.samples


def test_groups_stay_whole(table: SampleTable) -> None:
    sizes = Counter(s.group for s in table.of("train").samples)
    for fraction in FRACTIONS:
        kept = Counter(s.group for s in subsample(table, fraction).of("train").samples)
        assert {g: sizes[g] for g in kept} == dict(kept)


def test_every_class_keeps_a_group_and_held_out_images_stay(table: SampleTable) -> None:
    smallest = subsample(table, 0.001)
    assert {s.label for s in smallest.of("train").samples} == set(table.labels.names)
    for split in ("val", "test"):
        assert smallest.of(split).samples == table.of(split).samples


def test_the_share_of_each_class_is_as_near_as_its_groups_allow() -> None:
    table = table_of({"a": [1] * 200, "b": [1] * 40, "c": [4] * 25})
    for fraction in (0.05, 0.1, 0.25, 0.5):
        counts = subsample(table, fraction).counts()["train"]
        for name, step in (("a", 1), ("b", 1), ("c", 4)):
            wanted = fraction * table.counts()["train"][name]
            assert abs(counts[name] - wanted) <= step / 2, (fraction, name)


def test_another_seed_draws_other_images_and_the_same_seed_the_same() -> None:
    table = table_of({"a": [1] * 100, "b": [1] * 100})
    first, again, other = (subsample(table, 0.2, seed=seed).samples for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_the_order_of_the_table_does_not_matter() -> None:
    table = table_of({"a": [3] * 30, "b": [2] * 30})
    shuffled = list(table.samples)
    np.random.default_rng(0).shuffle(shuffled)  # type: ignore[arg-type]
    expected = {s.path for s in subsample(table, 0.3).samples}
    assert {s.path for s in subsample(table.with_samples(shuffled), 0.3).samples} == expected


def test_images_without_a_group_are_drawn_one_by_one() -> None:
    samples = [Sample(f"a/{i}.png", "a", "train") for i in range(20)]
    samples += [Sample(f"b/{i}.png", "b", "train") for i in range(20)]
    table = SampleTable(Path("/nowhere"), tuple(samples), LabelMap(("a", "b")))
    by_class: dict[str, int] = defaultdict(int)
    for sample in subsample(table, 0.25).samples:
        by_class[sample.label] += 1
    assert by_class == {"a": 5, "b": 5}


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01])
def test_a_fraction_out_of_range_is_an_error(table: SampleTable, fraction: float) -> None:
    with pytest.raises(InputError, match="out of range"):
        subsample(table, fraction)
