from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def paths_of(table: SampleTable) -> list[str]:
    return [s.path for s in table.samples]


def test_classes_are_top_folders_and_images_may_lie_deeper(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.png", "a/Imgs/x/2.JPEG", "a/3.ppm", "a/notes.txt", "readme.md")
    table = read_samples(tmp_path, DataConfig())
    assert table.labels.names == ("a", "b")
    assert [(s.path, s.label, s.split) for s in table.samples] == [
        ("a/3.ppm", "a", None),
        ("a/Imgs/x/2.JPEG", "a", None),
        ("b/1.png", "b", None),
    ]
    assert all(s.group == s.path for s in table.samples), "each image is its own group"


def test_split_folders_are_recognised(tmp_path: Path) -> None:
    touch(tmp_path, "Train/a/1.png", "Train/b/2.png", "valid/a/3.png", "valid/b/4.png")
    table = read_samples(tmp_path, DataConfig())
    assert [s.split for s in table.samples] == ["train", "train", "val", "val"]
    assert table.labels.names == ("a", "b")


def test_classes_named_like_splits_are_classes_when_none_is_train(tmp_path: Path) -> None:
    touch(tmp_path, "test/1.png", "val/2.png")
    assert read_samples(tmp_path, DataConfig()).labels.names == ("test", "val")


def test_one_other_folder_makes_them_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "boat/2.png")
    assert read_samples(tmp_path, DataConfig()).labels.names == ("boat", "train")


def test_include_and_exclude(tmp_path: Path) -> None:
    touch(tmp_path, "a/Imgs/1.jpg", "a/Imgs/1.png", "b/Imgs/2.jpg", "b/Imgs/bad_3.jpg")
    config = DataConfig(include=["*/Imgs/*.jpg"], exclude=["*/bad_*"])
    assert paths_of(read_samples(tmp_path, config)) == ["a/Imgs/1.jpg", "b/Imgs/2.jpg"]


def test_a_class_may_be_excluded_whole(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png", "c/3.png")
    table = read_samples(tmp_path, DataConfig(exclude=["c/*"]))
    assert table.labels.names == ("a", "b")


def test_hidden_files_and_folders_are_not_looked_at(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png", "a/._1.png", ".cache/3.png")
    assert paths_of(read_samples(tmp_path, DataConfig())) == ["a/1.png", "b/2.png"]


def test_class_order_can_be_given(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    table = read_samples(tmp_path, DataConfig(classes=["b", "a"]))
    assert table.labels.names == ("b", "a")
    assert table.targets_N().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [(r"num_\d+", ["num_1", "num_1"]), (r"^(\w+)/.*_(\d+)", ["a/1", "b/1"])],
)
def test_groups_come_from_the_pattern(tmp_path: Path, pattern: str, groups: list[str]) -> None:
    touch(tmp_path, "a/exp1_num_1.png", "b/exp2_num_1.png")
    table = read_samples(tmp_path, DataConfig(group=pattern))
    assert [s.group for s in table.samples] == groups


def test_paths_without_a_group_are_an_error_with_examples(tmp_path: Path) -> None:
    touch(tmp_path, "a/num_1.png", "b/other.png")
    with pytest.raises(DataError, match="1 of 2 paths") as error:
        read_samples(tmp_path, DataConfig(group=r"num_\d+"))
    assert error.value.found == "b/other.png"


@pytest.mark.parametrize(
    ("files", "config", "message"),
    [
        ([], DataConfig(), "holds no images"),
        (["a/1.txt", "b/2.txt"], DataConfig(), "holds no images"),
        (["a/1.png"], DataConfig(include=["*.jpg"]), "holds no images"),
        (["a/1.png", "2.png"], DataConfig(), "outside class folders"),
        (["train/1.png", "test/a/2.png"], DataConfig(), "outside class folders"),
        (["a/1.png", "b/notes.txt"], DataConfig(), "A class has no images"),
        (["a/1.png", "b/2.png"], DataConfig(classes=["a"]), "not in the class list"),
        (["a/1.png"], DataConfig(classes=["a", "b"]), "A class has no images"),
        (["a/1.png"], DataConfig(group_column="part"), "no columns"),
    ],
)
def test_errors(tmp_path: Path, files: list[str], config: DataConfig, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_samples(touch(tmp_path, *files), config)


def test_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_samples(tmp_path / "absent", DataConfig())


def test_a_link_out_of_the_root_is_an_error(tmp_path: Path) -> None:
    root = touch(tmp_path / "set", "a/1.png", "b/2.png")
    outside = touch(tmp_path, "secret.png") / "secret.png"
    (root / "a" / "link.png").symlink_to(outside)
    with pytest.raises(DataError, match="leads out"):
        read_samples(root, DataConfig())


def test_a_link_to_a_folder_is_an_error(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/2.png")
    (root / "c").symlink_to(root / "a")
    with pytest.raises(DataError, match="symbolic link"):
        read_samples(root, DataConfig())


def test_a_link_inside_the_root_is_read(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/2.png")
    (root / "a" / "3.png").symlink_to(root / "b" / "2.png")
    assert "a/3.png" in paths_of(read_samples(root, DataConfig()))


def test_a_linked_root_is_read(tmp_path: Path) -> None:
    touch(tmp_path / "real", "a/1.png", "b/2.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(read_samples(tmp_path / "link", DataConfig())) == 2
