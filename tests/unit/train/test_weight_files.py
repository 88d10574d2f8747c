"""Weights on disk: complete or absent, plain, and in one memory order."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgefit.train.weight_files import save_state, save_weights
from tests.tiny_network import tiny_network


def test_all_tensors_are_read_back_whatever_their_memory_order(tmp_path: Path) -> None:
    network = tiny_network()
    state = {name: value.clone() for name, value in network.state_dict().items()}
    save_weights(network.to(memory_format=torch.channels_last), tmp_path / "best.safetensors")
    found = load_file(tmp_path / "best.safetensors")
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]


def test_equal_weights_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save_weights(tiny_network(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "best.safetensors"
    save_state({"a": torch.ones(2)}, target)

    def full_disk(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("safetensors.torch.save_file", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_state({"a": torch.zeros(2)}, target)
    assert torch.equal(load_file(target)["a"], torch.ones(2))
