"""The stage ``check``: what it refuses before it decodes a single image."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.audit import audit
from edgefit.errors import DataError, RecipeError, RunError
from edgefit.recipe import make_recipe
from edgefit.run import RunFolder
from edgefit.stages import check as stage
from edgefit.stages.check import check
from tests.shapes import draw_shapes


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes when the images are read."""
    seen: list[str] = []
    monkeypatch.setattr(stage, "audit", lambda *a, **k: seen.append("read") or audit(*a, **k))
    return seen


def test_a_metric_of_two_classes_is_refused_before_images_are_read(
    tmp_path: Path, decoded: list[str]
) -> None:
    root = draw_shapes(tmp_path / "pictures", {"circle": 12, "square": 12, "cross": 12})
    facts = {"name": "three", "data": {"root": str(root)}}
    with pytest.raises(RecipeError, match="metric of two classes") as caught:
        check(RunFolder(tmp_path / "run", make_recipe(facts, ["verify.metric=roc_auc"])))
    assert caught.value.key == "verify.metric"
    assert (decoded, (tmp_path / "run").exists()) == ([], False)
    assert check(RunFolder(tmp_path / "run", make_recipe(facts))).images == 36
    assert decoded == ["read"]


def test_a_recipe_without_data_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no data set") as caught:
        check(RunFolder(tmp_path / "run", make_recipe({"name": "x"})))
    assert "--data" in str(caught.value.remedy)


@pytest.mark.parametrize("inside", ["", "run"])
def test_a_run_inside_the_images_is_refused(tmp_path: Path, inside: str) -> None:
    root = draw_shapes(tmp_path / "pictures", {"circle": 12, "square": 12})
    before = sorted(root.rglob("*"))
    recipe = make_recipe({"name": "two", "data": {"root": str(root)}})
    with pytest.raises(RunError, match="inside the folder of images"):
        check(RunFolder(root / inside, recipe))
    assert sorted(root.rglob("*")) == before
