"""The stage ``retention``: what the backbone knew of general images, and still knows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edgefit.cli.main import run as edgefit
from edgefit.errors import DataError, RecipeError, RunError
from edgefit.recipe import Recipe, make_recipe
from edgefit.records.figures import Figure
from edgefit.records.retention import RetentionRecord
from edgefit.run import RunFolder
from edgefit.stages.check import check
from edgefit.stages.retention import retention
from edgefit.train.assembly import build_network
from edgefit.train.weight_files import BEST
from tests.stamps import is_done, mark_done

COLOURS = {"blue": (200, 60, 60), "green": (60, 200, 60), "grey": (128, 128, 128)}


def write_pictures(root: Path, names: list[str], count: int, seed: int) -> Path:
    """Noisy pictures of one colour a class."""
    rng = np.random.default_rng(seed)
    for name in names:
        (root / name).mkdir(parents=True)
        for number in range(count):
            noise = rng.normal(0, 40, (40, 40, 3))
            picture = np.clip(np.array(COLOURS[name]) + noise, 0, 255).astype(np.uint8)
            assert cv2.imwrite(str(root / name / f"{number}.png"), picture)
    return root


@pytest.fixture
def general(tmp_path: Path) -> Path:
    return write_pictures(tmp_path / "general", list(COLOURS), 16, seed=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "own", ["blue", "green"], 12, seed=2)


def recipe_for(pictures: Path, general: Path | None) -> Recipe:
    facts = {
        "name": "tiny",
        "data": {"root": str(pictures)},
        "input": {"width": 32, "height": 32},
        "model": {"backbone": "mobilenet_v3_small", "weights": "none"},
        "retention": {"general": None if general is None else str(general), "neighbours": 3},
    }
    return make_recipe(facts)


def trained(root: Path, recipe: Recipe, *, damage: float = 0.0) -> RunFolder:
    """A run that ended training with the weights of its start, or with noise added to them."""
    run = RunFolder(root)
    run.start(recipe)
    check(run)
    network, _, _ = build_network(recipe, run.labels())
    generator = torch.Generator().manual_seed(0)
    state = dict(network.state_dict())
    for name, tensor in state.items():
        if damage and name.startswith("backbone") and tensor.ndim == 4:
            noise = torch.randn(tensor.shape, generator=generator)
            state[name] = torch.lerp(tensor, noise * tensor.std(), damage)
    path = run.stage_dir("train") / BEST
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    mark_done(run, "train", f"weights {damage}")
    return run


def test_a_backbone_that_did_not_move_keeps_everything(
    pictures: Path, general: Path, tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", recipe_for(pictures, general))
    results = retention(run)
    assert RetentionRecord.read(run.root) == results
    assert (results.classes, results.images, results.k) == (3, 24, 3)
    for probe in (results.neighbours, results.linear):
        assert probe.before == probe.after
        assert probe.kept == Figure(value=1.0, low=1.0, high=1.0)
        assert (probe.before.low or 0) <= (probe.before.value or 0)
    assert (results.neighbours.before.strength, results.linear.before.strength) != (None, None)
    assert "random weights" in results.notes[0]


@pytest.mark.slow
def test_a_backbone_that_moved_has_other_features(
    pictures: Path, general: Path, tmp_path: Path
) -> None:
    recipe = recipe_for(pictures, general)
    still = retention(trained(tmp_path / "still", recipe))
    moved = retention(trained(tmp_path / "moved", recipe, damage=1.0))
    for name, probe in still.by_probe.items():
        assert moved.by_probe[name].before == probe.before
    assert any(
        moved.by_probe[name].after.value != probe.after.value
        for name, probe in still.by_probe.items()
    )


def test_what_ended_is_not_measured_again_until_the_images_change(
    pictures: Path, general: Path, tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", recipe_for(pictures, general))
    first = retention(run)
    assert is_done(run, "retention")
    assert retention(run) == first  # the seconds too: it was read, not measured
    write_pictures(tmp_path / "more", ["blue"], 1, seed=9)
    for number in range(8):
        picture = cv2.imread(str(tmp_path / "more/blue/0.png"))
        assert picture is not None
        picture[number] = 0
        assert cv2.imwrite(str(general / "blue" / f"new{number}.png"), picture)
    assert retention(run).images > first.images


def test_without_general_images_the_key_is_named(pictures: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", recipe_for(pictures, None))
    with pytest.raises(RecipeError, match=r"retention\.general"):
        retention(run)


def test_without_training_the_first_command_is_named(
    pictures: Path, general: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    run.start(recipe_for(pictures, general))
    with pytest.raises(RunError, match="edgefit check"):
        retention(run)


def test_a_folder_that_is_gone_is_an_error_even_after_the_end(
    pictures: Path, general: Path, tmp_path: Path
) -> None:
    run = trained(tmp_path / "run", recipe_for(pictures, general))
    retention(run)
    shutil.rmtree(general)
    with pytest.raises(DataError, match="general"):
        retention(run)


def test_the_program_takes_the_folder_and_prints_both_probes(
    pictures: Path, general: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path / "run", recipe_for(pictures, None))
    assert edgefit(["retention", str(run.root), "--quiet"]) == 2
    assert "--general" in capsys.readouterr().err
    assert edgefit(["retention", str(run.root), "--general", str(general), "--quiet"]) == 0
    printed = capsys.readouterr().out
    assert "nearest neighbours" in printed
    assert "The other half" in printed and "reserved for train.keep.replay" in printed
    assert "100.00 %" in printed
    assert edgefit(["retention", str(run.root), "--json", "--quiet"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert facts["linear"]["kept"]["value"] == 1
