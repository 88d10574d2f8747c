"""Which files are images, which are wanted, which belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats.rules import (
    empty_class,
    group_names,
    is_excluded,
    is_included,
    make_table,
    require_inside,
    unknown_label,
)
from edgefit.data.table import Sample
from edgefit.errors import DataError
from edgefit.recipe import DataConfig


@pytest.mark.parametrize(
    ("include", "exclude", "path", "taken"),
    [
        ([], [], "a/b.png", True),
        (["a/*"], [], "a/deep/b.png", True),
        (["a/*"], [], "b/a/c.png", False),
        (["A/*"], [], "a/b.png", False),
        (["*.png", "*.jpg"], [], "a/b.jpg", True),
        ([], ["*/dark_*"], "a/dark_1.png", False),
        (["a/*"], ["a/x*"], "a/x.png", False),
    ],
)
def test_globs_cross_folders_and_mind_case(
    include: list[str], exclude: list[str], path: str, taken: bool
) -> None:
    config = DataConfig(include=include, exclude=exclude)
    assert (is_included(path, config) and not is_excluded(path, config)) is taken


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (None, ["a/p1_x.png", "b/p2_y.png"]),
        (r"p\d", ["p1", "p2"]),
        (r"p(\d)_(\w)", ["1/x", "2/y"]),
        (r"(a)?/p(\d)", ["a/1", "2"]),
    ],
)
def test_groups_are_what_is_captured_or_the_whole_match(
    pattern: str | None, names: list[str]
) -> None:
    assert group_names(["a/p1_x.png", "b/p2_y.png"], pattern) == names


def test_paths_without_a_group_are_counted_and_named() -> None:
    with pytest.raises(DataError, match="1 of 2 paths") as caught:
        group_names(["p1.png", "other.png"], r"p\d")
    assert caught.value.key == "data.group"
    assert "other.png" in str(caught.value)


def test_links_are_followed_before_a_path_is_trusted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside.png"
    outside.touch()
    (root / "inside.png").touch()
    require_inside(root / "inside.png", root)
    try:
        (root / "link.png").symlink_to(outside)
    except OSError:
        pytest.skip("this system makes no symbolic links")
    for path in (root / "link.png", root / ".." / "outside.png", outside):
        with pytest.raises(DataError, match="leads out"):
            require_inside(path, root)


def test_samples_are_sorted_and_classes_frozen() -> None:
    samples = [Sample("b.png", "y"), Sample("a.png", "x"), Sample("c.png", "x")]
    table = make_table(Path("set"), samples, DataConfig())
    assert [sample.path for sample in table.samples] == ["a.png", "b.png", "c.png"]
    assert table.labels.names == ("x", "y")
    ordered = make_table(Path("set"), samples, DataConfig(classes=["y", "x"]))
    assert ordered.labels.names == ("y", "x")


def test_no_image_and_no_image_of_a_class_are_refused() -> None:
    with pytest.raises(DataError, match="holds no images") as caught:
        make_table(Path("set"), [], DataConfig(include=["*.bmp"]))
    assert "*.bmp" in str(caught.value)
    with pytest.raises(DataError, match="A class has no images") as caught:
        make_table(Path("set"), [Sample("a.png", "x")], DataConfig(classes=["x", "z"]))
    assert "z" in str(caught.value.found)


def test_errors_name_the_class_and_where_it_was_found() -> None:
    assert "Classes have no images" in str(empty_class(Path("set"), ["a", "b"]))
    config = DataConfig(classes=["good"])
    error = unknown_label("bad", config, path=Path("set.csv"), where="Line 3")
    assert error.key == "data.classes"
    assert "Line 3 has a label" in str(error)
    assert "bad" in str(error)
