"""The contracts of ``pyproject.toml`` name every room, and break where a rule is broken."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "src" / "edgefit"


def _contracts() -> tuple[dict[str, Any], dict[str, Any]]:
    facts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    layers, device = facts["tool"]["importlinter"]["contracts"]
    return layers, device


def _rooms_of(layer: str) -> list[str]:
    return [room.strip() for room in layer.split("|")]


def test_every_room_is_placed_in_a_layer() -> None:
    layers, _ = _contracts()
    placed = [room for layer in layers["layers"] for room in _rooms_of(layer)]
    inside = [path for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"]
    there = {path.stem for path in inside if not path.name.startswith("_")}
    assert layers["exhaustive"]
    assert sorted(placed) == sorted(there)


def test_all_rooms_of_the_device_are_kept_free_of_training_frameworks() -> None:
    layers, device = _contracts()
    order = layers["layers"]
    below = [room for layer in order[order.index("runtime") :] for room in _rooms_of(layer)]
    named = {f"edgefit.{room}" for room in [*below, "bench"]}
    assert named <= set(device["source_modules"])
    assert "allow_indirect_imports" not in device


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("spec/wrong.py", "import edgefit.bundle", "data flows one way"),
        ("attic.py", "", "data flows one way"),
        ("bench/wrong.py", "def lazily():\n    import torch", "the device needs no"),
    ],
    ids=["upwards", "unplaced", "framework"],
)
def test_a_broken_rule_is_found(tmp_path: Path, file: str, line: str, broken: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes((REPOSITORY / "pyproject.toml").read_bytes())
    for source in PACKAGE.rglob("*.py"):
        copy = tmp_path / "edgefit" / source.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    (tmp_path / "edgefit" / file).write_text(f"{line}\n", encoding="utf-8")
    # The linter puts the working folder first on its path, so it reads the copy.
    linter = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [linter, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = " ".join(result.stdout.split())
    assert result.returncode == 1, told + result.stderr
    assert broken in told.partition("Broken contracts")[2]
