"""A folder of generated images: repeatable, grouped by part, complete or absent."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import pytest

from edgefit.data.synthetic import generate
from edgefit.data.synthetic.dataset import CLASSES, label_of
from edgefit.errors import InputError


def pictures(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.jpg"))}


def test_layout_counts_and_groups(tmp_path: Path) -> None:
    out = generate(tmp_path / "deep" / "parts", images=24, size=64)
    assert sorted(p.name for p in out.iterdir()) == sorted(CLASSES)
    names = list(pictures(out))
    assert len(names) == 24
    assert all(re.fullmatch(r"[a-z]+/part_\d{5}_view_[12]\.jpg", n) for n in names)
    labels_of_group: dict[str, set[str]] = {}
    for name in names:
        part = re.search(r"part_\d+", name)
        assert part is not None
        labels_of_group.setdefault(part[0], set()).add(name.split("/")[0])
    assert len(labels_of_group) == 12
    assert all(len(labels) == 1 for labels in labels_of_group.values())
    assert sum(n.startswith("good/") for n in names) == 8
    assert sum(n.startswith("dent/") for n in names) == 4


def test_pictures_are_colour_of_the_size_asked_for_and_well_exposed(tmp_path: Path) -> None:
    out = generate(tmp_path / "parts", images=20, size=96)
    paths = sorted(out.rglob("*.jpg"))
    assert len(paths) == 20
    for path in paths:
        picture = cv2.imread(str(path))
        assert picture is not None
        assert picture.shape == (96, 96, 3)
        assert 25 < picture.mean() < 220, path
        assert picture.std() > 12, path


def test_same_seed_same_bytes_another_seed_others(tmp_path: Path) -> None:
    first = pictures(generate(tmp_path / "a", images=12, size=48, seed=3))
    assert first == pictures(generate(tmp_path / "b", images=12, size=48, seed=3))
    other = pictures(generate(tmp_path / "c", images=12, size=48, seed=4))
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first)


def test_a_picture_does_not_depend_on_how_many_are_drawn(tmp_path: Path) -> None:
    few = pictures(generate(tmp_path / "few", images=11, size=48))
    many = pictures(generate(tmp_path / "many", images=30, size=48))
    assert len(few) == 11
    assert few.items() <= many.items()


def test_views_of_a_part_differ(tmp_path: Path) -> None:
    files = pictures(generate(tmp_path / "parts", images=12, size=48))
    assert len(set(files.values())) == 12


def test_chosen_classes_only(tmp_path: Path) -> None:
    out = generate(tmp_path / "parts", images=12, size=48, classes=("scratch", "hole"))
    assert sorted(p.name for p in out.iterdir()) == ["hole", "scratch"]
    assert len(list((out / "hole").iterdir())) == 6


def test_every_class_is_reached_and_good_is_twice_as_frequent() -> None:
    labels = [label_of(part, CLASSES) for part in range(60)]
    assert labels.count("good") == 20
    assert {labels.count(name) for name in CLASSES[1:]} == {10}


def test_a_folder_with_content_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError) as caught:
        generate(tmp_path / "mine", images=12, size=48)
    assert caught.value.path == str(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError):
        generate(tmp_path / "file", images=12, size=48)


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    out = generate(tmp_path / "empty", images=12, size=48)
    assert len(pictures(out)) == 12
    assert out.stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("edgefit.data.synthetic.dataset._write_jpeg", full_disk)
    with pytest.raises(OSError, match="no space"):
        generate(tmp_path / "parts", images=12, size=48)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("images", 9),
        ("size", 8),
        ("seed", -1),
        ("classes", ("good", "rusty")),
        ("classes", ("good", "good")),
        ("classes", ("good",)),
    ],
)
def test_arguments_out_of_range(tmp_path: Path, key: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        generate(tmp_path / "parts", **{key: value})  # type: ignore[arg-type]
    assert caught.value.key == key
    assert list(tmp_path.iterdir()) == []
