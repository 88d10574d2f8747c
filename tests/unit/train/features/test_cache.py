"""Feature rows on disk: complete or absent, found by content, and damage is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefit.records.train import EngineComparison
from edgefit.train.features.cache import DIGEST_BYTES, FeatureCache
from tests.unit.train.features.small import Ear


def rows(*names: str) -> dict[bytes, NDArray[np.float32]]:
    """A row for each name, by its digest."""
    digests = [hashlib.sha256(name.encode()).digest() for name in names]
    return {d: np.full(3, len(name), np.float32) for d, name in zip(digests, names, strict=True)}


def files(cache: FeatureCache) -> list[Path]:
    return sorted(path for path in cache.folder.rglob("*") if path.is_file())


def assert_same(found: object, expected: dict[bytes, NDArray[np.float32]]) -> None:
    assert isinstance(found, dict)
    assert found.keys() == expected.keys()
    for digest, row in expected.items():
        np.testing.assert_array_equal(found[digest], row)


def test_rows_are_added_beside_each_other_and_read_back(cache: FeatureCache) -> None:
    cache.add("network", "view", rows("a", "bb"))
    cache.add("network", "view", rows("ccc"))
    assert_same(cache.rows("network", "view"), rows("a", "bb", "ccc"))
    assert [path.suffix for path in files(cache)] == [".npz", ".npz"]


def test_other_networks_and_views_have_rows_of_their_own(cache: FeatureCache) -> None:
    cache.add("network", "view", rows("a"))
    assert cache.rows("network", "other") == {}
    assert cache.rows("other", "view") == {}


def test_nothing_to_keep_leaves_no_folder(cache: FeatureCache) -> None:
    cache.add("network", "view", {})
    assert cache.rows("network", "view") == {}
    assert not cache.folder.exists()


def test_equal_rows_are_one_file(cache: FeatureCache) -> None:
    for _ in range(2):
        cache.add("network", "view", rows("a", "bb"))
    assert len(files(cache)) == 1


def _arrays(path: Path, digests: NDArray[np.generic], features: NDArray[np.generic]) -> None:
    np.savez(path, digests=digests, features=features)


DIGESTS = np.zeros((2, DIGEST_BYTES), np.uint8)
DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"not an archive"),
    "pickle": lambda path: _arrays(path, np.array([{}], dtype=object), np.zeros((1, 2))),
    "too few rows": lambda path: _arrays(path, DIGESTS, np.zeros((1, 3), np.float32)),
    "float64": lambda path: _arrays(path, DIGESTS, np.zeros((2, 3))),
    "short digests": lambda path: _arrays(path, DIGESTS[:, 1:], np.zeros((2, 3), np.float32)),
    "one row": lambda path: _arrays(path, DIGESTS, np.zeros(2, np.float32)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_reported_once_and_removed(cache: FeatureCache, kind: str) -> None:
    cache.add("network", "view", rows("a", "bb"))
    (damaged,) = files(cache)
    cache.add("network", "view", rows("ccc"))
    DAMAGE[kind](damaged)
    ear = Ear()
    assert_same(cache.rows("network", "view", ear), rows("ccc"))
    assert len(ear.heard) == 1 and str(damaged) in ear.heard[0]
    assert not damaged.exists()
    assert_same(cache.rows("network", "view", ear), rows("ccc"))
    assert len(ear.heard) == 1


def test_a_choice_is_kept_for_its_network(cache: FeatureCache) -> None:
    assert cache.chosen_engine("network") is None
    cache.keep_engine("network", "openvino", EngineComparison(torch_ms_per_image=1.5))
    assert cache.chosen_engine("network") == "openvino"
    assert cache.chosen_engine("other") is None
    assert [path.name for path in files(cache)] == ["choice.json"]


@pytest.mark.parametrize(
    ("text", "warnings"), [("[1", 1), ("[]", 1), ("{}", 1), ('{"engine": "tflite"}', 0)]
)
def test_a_choice_that_cannot_be_used_is_measured_again(
    cache: FeatureCache, text: str, warnings: int
) -> None:
    cache.keep_engine("network", "openvino", EngineComparison())
    (cache.folder / "network" / "choice.json").write_text(text, encoding="utf-8")
    ear = Ear()
    assert cache.chosen_engine("network", ear) is None
    assert len(ear.heard) == warnings
