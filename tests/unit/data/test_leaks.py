"""Pictures that stand in two splits are left out of the lower one, and listed."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.frozen import frozen_samples
from edgefit.recipe import Recipe, make_recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec
from edgefit.stages.check import check

SPEC = InputSpec(16, 16)


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    """Stated splits; one picture of train is also in test, one blank picture in both."""
    root = tmp_path / "data"
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for label in ("good", "bad"):
            folder = root / split / label
            folder.mkdir(parents=True)
            for i in range(count):
                cv2.imwrite(
                    str(folder / f"{split}_{i}.png"), rng.integers(0, 256, (16, 16, 3), np.uint8)
                )
    twin = (root / "test/good/test_0.png").read_bytes()
    (root / "train/good/twin.png").write_bytes(twin)
    for split in ("train", "test"):
        cv2.imwrite(str(root / split / "bad/blank.png"), np.zeros((16, 16, 3), np.uint8))
    return root


def _recipe(root: Path, leaks: str) -> Recipe:
    return make_recipe({"name": "leaks", "data": {"root": str(root), "leaks": leaks}})


def test_a_leak_is_dropped_from_train_and_listed(leaking: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    recipe = _recipe(leaking, "drop")
    run.start(recipe)
    record = check(run)
    assert record.dropped_leaks == ("train/good/twin.png",)
    paths = {s.path for s in frozen_samples(run).samples}
    assert "train/good/twin.png" not in paths
    assert {"test/good/test_0.png", "train/bad/blank.png", "test/bad/blank.png"} <= paths
    codes = [f.code for f in record.findings]
    assert "leak" not in codes and "leaks-dropped" in codes


def test_keep_leaves_it_in_and_reports_the_leak(leaking: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    recipe = _recipe(leaking, "keep")
    run.start(recipe)
    record = check(run)
    assert record.dropped_leaks == ()
    assert [f.code for f in record.findings if f.level == "error"] == ["leak"]
    assert "train/good/twin.png" in {s.path for s in frozen_samples(run).samples}
