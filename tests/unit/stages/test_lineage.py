"""Lineage tells what a bundle was made from, and nothing of who made it where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgefit.recipe import make_recipe
from edgefit.records.train import WeightsReport
from edgefit.stages.lineage import lineage


def test_no_path_of_the_workstation_is_left(tmp_path: Path) -> None:
    recipe = make_recipe(
        {
            "name": "x",
            "data": {"root": str(tmp_path / "secret")},
            "model": {"weights": str(tmp_path / "w.pth")},
            "train": {"augment": str(tmp_path / "soft.yaml"), "seed": 7},
        }
    )
    weights = WeightsReport(source="w.pth", sha256="ab")
    facts: Any = lineage(recipe, data_fingerprint="cd", images=12, weights=weights)
    assert str(tmp_path) not in json.dumps(facts)
    assert facts["recipe"]["model"]["weights"] == "w.pth"
    assert facts["recipe"]["train"]["augment"] == "soft.yaml"
    assert facts["weights"] == {"source": "w.pth", "sha256": "ab"}
    assert (facts["data_fingerprint"], facts["images"], facts["seed"]) == ("cd", 12, 7)
