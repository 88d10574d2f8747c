"""The stage ``check``: what it refuses before it decodes a single image."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.audit import audit
from edgefit.data.frozen import frozen_samples
from edgefit.errors import DataError, RecipeError, RunError
from edgefit.recipe import make_recipe
from edgefit.records.check import CheckRecord
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


def test_names_that_are_not_utf8_come_to_the_end_of_the_stage(tmp_path: Path) -> None:
    """A file and a class folder in Latin-1: frozen in UTF-8, and the file still opens."""
    root = draw_shapes(tmp_path / "images", {"circle": 12, "square": 12})
    first = sorted((root / "circle").iterdir())[0]
    first.rename(root / "circle" / "x_\udcfc.png")
    (root / "square").rename(root / "gr\udcfcn")
    run = RunFolder(tmp_path / "run", make_recipe({"name": "x", "data": {"root": str(root)}}))
    record = check(run)
    assert record.classes == ("circle", "gr\\xfcn")
    assert record == CheckRecord.read(run.root)
    (run.root / "check" / "samples.csv").read_text(encoding="utf-8")
    table = frozen_samples(run)
    assert all(table.absolute(sample).is_file() for sample in table.samples)
    assert check(run) == record, "the frozen data set has not changed"


def test_every_file_is_counted(tmp_path: Path) -> None:
    root = draw_shapes(tmp_path / "images", {"circle": 12, "square": 12})
    (root / "circle" / "broken.png").write_bytes(b"")
    for path in ("circle/@eaDir/a.jpg", "circle/._a.jpg", "circle/a.jxl", "notes.txt"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(b"x")
    record = check(RunFolder(tmp_path / "run", make_recipe({"name": "x", "data": {"root": root}})))
    passed_over = sum(part.files for part in record.passed_over)
    assert (record.images, len(record.unreadable), passed_over) == (24, 1, 4)
    assert "formats-not-read" in [finding.code for finding in record.findings]
    levels = [finding.level for finding in record.findings]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)


def test_a_class_whose_images_are_all_unreadable_is_named(tmp_path: Path) -> None:
    root = draw_shapes(tmp_path / "images", {"circle": 12, "square": 12})
    (root / "bad").mkdir()
    for number in range(3):
        (root / "bad" / f"{number}.png").write_bytes(b"")
    with pytest.raises(DataError, match="None of the images of a class can be read") as caught:
        check(RunFolder(tmp_path / "run", make_recipe({"name": "x", "data": {"root": root}})))
    assert "'bad': 3 images" in str(caught.value.found)
    assert "bad/0.png" in str(caught.value.found)


@pytest.mark.parametrize("inside", ["", "run"])
def test_a_run_inside_the_images_is_refused(tmp_path: Path, inside: str) -> None:
    root = draw_shapes(tmp_path / "pictures", {"circle": 12, "square": 12})
    before = sorted(root.rglob("*"))
    recipe = make_recipe({"name": "two", "data": {"root": str(root)}})
    with pytest.raises(RunError, match="inside the folder of images"):
        check(RunFolder(root / inside, recipe))
    assert sorted(root.rglob("*")) == before
