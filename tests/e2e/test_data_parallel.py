"""Two processes under torchrun train what one does: the same steps on the same pictures."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.e2e.program import TIMEOUT_S, Result, edgefit, environment
from tests.shapes import draw_shapes

# What stays different between one and two processes is off: statistics of half a batch, dropout,
# and the partners that mixing finds in half a batch. Augmentation stays on.
RECIPE = """
name: parallel
data: {split: {validation: 0.25, test: 0.25}}
input: {width: 32, height: 32}
model: {backbone: squeezenet1_1, weights: none, dropout: 0.0}
train:
  mode: full
  epochs: 3
  batch_size: 8
  batch_norm: frozen
  augment: conveyor
  accelerator: cpu
  workers: 0
"""
PROCESSES = 2


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe beside its pictures: 32 of them for training, four whole batches."""
    folder = tmp_path_factory.mktemp("parallel")
    draw_shapes(folder / "pictures", {"circle": 32, "square": 32})
    path = folder / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def options(recipe: Path, run: Path) -> list[str | Path]:
    return ["train", recipe, "--data", recipe.parent / "pictures", "--out", run]


def torchrun(*arguments: str | Path, cwd: Path) -> Result:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return subprocess.run(
        [*launcher, f"--nproc-per-node={PROCESSES}", "-m", "edgefit", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def history(run: Path) -> list[dict[str, str]]:
    with (run / "train" / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_processes_learn_what_one_does(recipe: Path, tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    result = edgefit(*options(recipe, alone), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    result = torchrun(*options(recipe, together), "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)  # of one process, the first
    assert summary["processes"] == PROCESSES
    assert len(history(together)) == 3
    for one, two in zip(history(alone), history(together), strict=True):
        for name in ("val_accuracy", "val_balanced_accuracy", "train_balanced_accuracy"):
            assert float(one[name]) == pytest.approx(float(two[name]), abs=1e-6), name
        for name in ("train_loss", "val_loss"):
            assert float(one[name]) == pytest.approx(float(two[name]), rel=1e-4), name
    first, second = (load_file(run / "train" / "best.safetensors") for run in (alone, together))
    assert set(first) == set(second)
    for name, value in first.items():
        assert torch.allclose(value, second[name], rtol=1e-3, atol=1e-4), name


def test_a_probe_and_a_finished_run_are_told_once(recipe: Path, tmp_path: Path) -> None:
    command = (*options(recipe, tmp_path / "run"), "--set", "train.mode=probe", "--json")
    for _ in ("trained", "done already"):
        result = torchrun(*command, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["mode"] == "probe"  # one document, of the first process
    assert list((tmp_path / "run").rglob("*.part")) == []


def test_a_batch_that_cannot_be_divided_is_refused(recipe: Path, tmp_path: Path) -> None:
    odd = ["--set", "train.batch_size=7"]
    result = torchrun(*options(recipe, tmp_path / "run"), *odd, cwd=tmp_path)
    assert result.returncode != 0
    assert "cannot be divided evenly among the training processes" in result.stderr
    assert "a multiple of 2" in result.stderr
    assert not (tmp_path / "run" / "stamps" / "train.done.json").exists()
