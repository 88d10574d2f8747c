"""A small network, some frames, and an empty cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.train.features.cache import FeatureCache
from edgefit.train.network import EdgeNetwork
from tests.tiny_network import colour_frames, tiny_network
from tests.unit.train.features.small import Pictures


@pytest.fixture(scope="module")
def network() -> EdgeNetwork:
    return tiny_network(steps=3)


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return Pictures(colour_frames(150, seed=4)[0])


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "features")
