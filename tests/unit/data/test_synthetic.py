from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.synthetic import generate, generate_clip
from edgefit.data.synthetic.dataset import CLASSES, draw_surface, label_of
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
    for path in sorted(out.rglob("*.jpg")):
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


@pytest.mark.parametrize("label", CLASSES[1:])
def test_a_fault_changes_the_part_and_only_its_metal(label: str) -> None:
    seen = 0
    for part in range(6):
        sound = draw_surface(0, part, "good", 160)
        faulty = draw_surface(0, part, label, 160)
        np.testing.assert_array_equal(sound.cover_HW, faulty.cover_HW)
        metal = sound.cover_HW > 0.5
        colour = np.abs(faulty.albedo_HWC - sound.albedo_HWC).max(axis=2)
        relief = np.abs(faulty.height_HW - sound.height_HW)
        changed = ((colour > 0.02) | (relief > 0.2)) & metal
        assert 0 < changed.sum() < 0.6 * metal.sum()
        assert faulty.albedo_HWC.dtype == faulty.height_HW.dtype == np.float32
        assert np.isfinite(faulty.height_HW).all()
        assert faulty.albedo_HWC.min() >= 0
        seen += int(changed.sum() > 0.003 * metal.sum())
    assert seen >= 4, "nearly all faults must be large enough to see"


def test_a_stain_leaves_the_shape_alone() -> None:
    sound, stained = (draw_surface(0, 2, label, 160) for label in ("good", "stain"))
    np.testing.assert_array_equal(sound.height_HW, stained.height_HW)


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


def read_clip(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    fps = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return frames, fps


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_clip_has_the_frames_asked_for(tmp_path: Path, suffix: str) -> None:
    out = generate_clip(tmp_path / f"belt{suffix}", frames=8, width=160, height=96, fps=10)
    frames, fps = read_clip(out)
    assert len(frames) == 8
    assert fps == pytest.approx(10)
    assert frames[0].shape == (96, 160, 3)
    assert [p.name for p in tmp_path.iterdir()] == [f"belt{suffix}"]


def test_belt_moves_to_the_right_by_the_speed(tmp_path: Path) -> None:
    out = generate_clip(tmp_path / "belt.avi", frames=2, width=320, height=192, fps=10)
    (first, second), _ = read_clip(out)
    grey = [cv2.cvtColor(f, cv2.COLOR_BGR2GRAY).astype(np.float32) for f in (first, second)]
    (dx, dy), _ = cv2.phaseCorrelate(grey[0], grey[1])
    assert dx == pytest.approx(320 * 0.32 / 10, abs=1)
    assert dy == pytest.approx(0, abs=1)


def test_clip_is_repeatable(tmp_path: Path) -> None:
    sizes = {"frames": 3, "width": 128, "height": 64}
    first = generate_clip(tmp_path / "a.mp4", **sizes).read_bytes()
    assert first == generate_clip(tmp_path / "b.mp4", **sizes).read_bytes()
    assert first != generate_clip(tmp_path / "c.mp4", **sizes, seed=1).read_bytes()


def test_clip_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="format"):
        generate_clip(tmp_path / "belt.webm")
    with pytest.raises(InputError) as caught:
        generate_clip(tmp_path / "belt.mp4", width=161, frames=0)
    assert caught.value.key == "frames, width, height"
    (tmp_path / "belt.mp4").write_bytes(b"mine")
    with pytest.raises(InputError, match="exists"):
        generate_clip(tmp_path / "belt.mp4")
    assert (tmp_path / "belt.mp4").read_bytes() == b"mine"
