"""What training leaves on disk."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from edgefit.errors import RunError
from edgefit.records.train import EpochRow
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
    history = [
        EpochRow(epoch=number, phase="full", validation={"loss": 1 / number}, seconds=2.0)
        for number in (1, 2)
    ]
    write_log(history, tmp_path / "log.csv")
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"epoch": "1", "phase": "full", "val_loss": "1.0", "seconds": "2.0"},
        {"epoch": "2", "phase": "full", "val_loss": "0.5", "seconds": "2.0"},
    ]
    assert len(list(tmp_path.iterdir())) == 1


def test_no_checkpoint_is_none_and_a_good_one_gives_our_part(tmp_path: Path) -> None:
    assert read_state_of_last(tmp_path) is None
    own = {"history": [{"epoch": 1, "phase": "full", "val_loss": 0.5}], "first_loss": 2.0}
    torch.save({"edgefit": own, "state_dict": {}}, tmp_path / LAST)
    assert read_state_of_last(tmp_path) == own


@pytest.mark.parametrize("row", [1, {"epoch": 1}, {"epoch": 1, "phase": "full", "note": "x"}])
def test_rows_of_another_release_are_a_clear_error(tmp_path: Path, row: object) -> None:
    torch.save({"edgefit": {"history": [row]}, "state_dict": {}}, tmp_path / LAST)
    with pytest.raises(RunError, match="another release wrote it") as caught:
        read_state_of_last(tmp_path)
    assert "starts from the beginning" in str(caught.value.remedy)


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
