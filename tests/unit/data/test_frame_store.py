"""Frames of a data set at input size: kept within a budget, decoded beyond it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgefit.data.formats import read_samples
from edgefit.data.frame_store import FrameStore, frames_in_order
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.images.preprocess import decode_image, preprocess
from edgefit.spec import InputSpec

SPEC = InputSpec(24, 20)


Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path, write_classes: Write) -> SampleTable:
    return read_samples(write_classes(tmp_path, {"a": 12, "b": 5}), DataConfig()).table


def store_of(table: SampleTable, budget_mb: int = 8) -> FrameStore:
    return FrameStore(table.samples, table.root, SPEC, budget_mb=budget_mb)


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
    with pytest.raises(DataError, match="can no longer be read") as error:
        store_of(table)
    assert error.value.path == str(path)
    with pytest.raises(DataError, match="can no longer be read"):
        store_of(table, 0).frame(2)


def test_frames_in_order_gives_all_once(table: SampleTable) -> None:
    store = store_of(table)
    batches = list(frames_in_order(store, 5))
    assert [len(batch) for batch in batches] == [5, 5, 5, 2]
    joined = np.concatenate(batches)
    np.testing.assert_array_equal(joined, np.stack([store.frame(i) for i in range(len(store))]))
