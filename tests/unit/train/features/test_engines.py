"""Engines give the same numbers, and the faster of them is taken."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgefit.errors import missing_extra
from edgefit.train.features.engines import (
    BATCH,
    OpenvinoEngine,
    TorchEngine,
    choose_engine,
    relative_difference,
)
from edgefit.train.network import EdgeNetwork
from tests.tiny_network import tiny_network
from tests.unit.train.features.small import FakeEngine, Pictures


def test_openvino_gives_torchs_numbers(network: EdgeNetwork, pictures: Pictures) -> None:
    frames_NHWC = pictures.frames_NHWC[:BATCH]
    expected_NF = TorchEngine(network).features(frames_NHWC)
    engine = OpenvinoEngine(network, (32, 32))
    first_NF = engine.features(frames_NHWC)
    kept_NF = first_NF.copy()
    assert relative_difference(first_NF, expected_NF) < 1e-4
    engine.features(frames_NHWC[::-1])
    np.testing.assert_array_equal(first_NF, kept_NF)


def test_the_faster_engine_wins_only_where_it_gives_the_same_numbers(
    network: EdgeNetwork, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [pictures.frames_NHWC[:BATCH], pictures.frames_NHWC[BATCH : 2 * BATCH]]
    seconds = iter(())
    monkeypatch.setattr(
        "edgefit.train.features.engines.time.perf_counter", lambda: next(seconds), raising=True
    )

    def chosen(torch_s: float, conversion_s: float, rival_s: float, factor: float) -> str:
        nonlocal seconds
        seconds = iter([0.0, torch_s, 0.0, conversion_s, 0.0, rival_s])
        engine, _ = choose_engine(
            network, batches, 6400, rival=lambda n, size: FakeEngine(n, size, factor)
        )
        return engine.name

    assert chosen(2.0, 10.0, 1.0, 1.0) == "openvino"
    assert chosen(2.0, 110.0, 1.0, 1.0) == "torch"  # the conversion eats up what is saved
    assert chosen(1.0, 0.0, 2.0, 1.0) == "torch"
    assert chosen(2.0, 10.0, 1.0, 1.01) == "torch"
    assert chosen(2.0, 10.0, 1.0, float("nan")) == "torch"


def test_without_openvino_torch_computes(network: EdgeNetwork, pictures: Pictures) -> None:
    def absent(network: EdgeNetwork, size: tuple[int, int]) -> FakeEngine:
        raise missing_extra("openvino", "openvino")

    batches = [pictures.frames_NHWC[:BATCH]] * 2
    engine, facts = choose_engine(network, batches, 10**6, rival=absent)
    assert engine.name == "torch"
    assert "openvino" in str(facts.openvino_refused)


def test_the_torch_engine_is_in_eval_mode_and_leaves_the_network_as_it_was(
    pictures: Pictures,
) -> None:
    network = tiny_network(steps=0).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    engine = TorchEngine(network)
    first_NF = engine.features(pictures.frames_NHWC[:BATCH])
    np.testing.assert_array_equal(engine.features(pictures.frames_NHWC[:BATCH]), first_NF)
    assert first_NF.shape == (BATCH, 16) and first_NF.dtype == np.float32
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("found", "difference"), [([3.0, 4.0], 0.0), ([3.0, 4.5], 0.1), ([float("nan"), 4.0], np.inf)]
)
def test_a_difference_is_a_share_of_the_root_mean_square(
    found: list[float], difference: float
) -> None:
    reference_NF = np.array([[3.0, 4.0]], np.float32) * np.float32(np.sqrt(2))  # of mean square 25
    found_NF = np.array([found], np.float32) * np.float32(np.sqrt(2))
    expected = difference * np.sqrt(2)
    assert relative_difference(found_NF, reference_NF) == pytest.approx(expected, rel=1e-5)
