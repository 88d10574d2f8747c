"""What a refused command leaves of a run's recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.cli.main import run as edgefit
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "x", "data": {"root": str(tmp_path)}}))
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("calibrate", "--set", "operating.good=nobody"),
        ("retention", "--general", "nowhere"),
        ("train", "--data", "nowhere"),
    ],
)
def test_a_refused_command_takes_its_overrides_back(run: RunFolder, command: list[str]) -> None:
    before = run.recipe_path.read_bytes()
    verb, *options = command
    assert edgefit([verb, str(run.root), *options]) == 2
    assert run.recipe_path.read_bytes() == before
    assert list(run.root.glob("*.part")) == []


def test_overrides_of_an_earlier_command_stay(run: RunFolder) -> None:
    changed = make_recipe({"name": "x", "train": {"epochs": 3}})
    run.start(changed)
    edgefit(["calibrate", str(run.root), "--set", "train.epochs=5"])
    assert run.recipe().train.epochs == 3
