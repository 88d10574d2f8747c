"""What training leaves on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from edgefit.errors import RunError
from edgefit.train.backbones.weights import read_state
from edgefit.train.loop.checkpoint import LAST, read_state_of_last, write_log
from edgefit.train.weight_files import save_weights
from tests.tiny_network import tiny_network


def test_weights_round_trip_whatever_their_memory_order(tmp_path: Path) -> None:
    network = tiny_network(steps=0)
    save_weights(network, tmp_path / "a.safetensors")
    save_weights(network.to(memory_format=torch.channels_last), tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    for name, value in read_state(tmp_path / "a.safetensors").items():
        assert torch.equal(value, network.state_dict()[name])
    assert len(list(tmp_path.iterdir())) == 2


def test_the_log_is_csv_with_a_row_an_epoch(tmp_path: Path) -> None:
    write_log([{"epoch": 1, "val_loss": 0.5}, {"epoch": 2, "val_loss": 0.25}], tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"epoch": "1", "val_loss": "0.5"}, {"epoch": "2", "val_loss": "0.25"}]
    assert len(list(tmp_path.iterdir())) == 1


def test_no_checkpoint_is_none_and_a_good_one_gives_our_part(tmp_path: Path) -> None:
    assert read_state_of_last(tmp_path) is None
    torch.save({"edgefit": {"history": [1]}, "state_dict": {}}, tmp_path / LAST)
    assert read_state_of_last(tmp_path) == {"history": [1]}


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04" + b"x" * 99, b"\x80\x02K\x01."])
def test_a_damaged_checkpoint_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LAST).write_bytes(content)
    with pytest.raises(RunError, match="checkpoint is damaged") as caught:
        read_state_of_last(tmp_path)
    assert caught.value.path == str(tmp_path / LAST)
    assert caught.value.found


def test_a_checkpoint_of_another_program_is_a_clear_error(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / LAST)
    with pytest.raises(RunError, match="checkpoint is damaged"):
        read_state_of_last(tmp_path)
