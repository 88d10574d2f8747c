"""General images: which half a picture falls into, and which folders are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.general import General, read_general
from edgefit.errors import DataError
from edgefit.recipe import RetentionConfig
from edgefit.spec import InputSpec

SPEC = InputSpec(32, 32)


def write_general(root: Path, classes: int = 3, images: int = 9, seed: int = 0) -> Path:
    """Pictures of noise, all different: ``class0/0.png`` ..."""
    rng = np.random.default_rng(seed)
    for label in range(classes):
        (root / f"class{label}").mkdir(parents=True)
        for number in range(images):
            picture = rng.integers(0, 255, (20, 24, 3), dtype=np.uint8)
            assert cv2.imwrite(str(root / f"class{label}" / f"{number}.png"), picture)
    return root


def read(root: Path, **config: int) -> General:
    return read_general(root, RetentionConfig(**config), SPEC)


def paths(general: General) -> tuple[list[str], list[str]]:
    return [s.path for s in general.replay.samples], [s.path for s in general.probe.samples]


def test_every_class_is_divided_in_half_and_nothing_is_lost_or_shared(tmp_path: Path) -> None:
    general = read(write_general(tmp_path / "g"))
    replay, probe = paths(general)
    assert len(set(replay) | set(probe)) == 27 and not set(replay) & set(probe)
    for label in range(3):
        assert sum(path.startswith(f"class{label}/") for path in replay) == 5
        assert sum(path.startswith(f"class{label}/") for path in probe) == 4
    assert general.classes == 3
    assert replay == sorted(replay) and probe == sorted(probe)
    assert general.replay.labels == general.probe.labels


def test_the_half_follows_the_picture_not_the_name_or_the_place(tmp_path: Path) -> None:
    first = write_general(tmp_path / "first")
    before = paths(read(first))
    moved = Path(shutil.copytree(first, tmp_path / "moved"))
    assert paths(read(moved)) == before
    for file in sorted(moved.glob("class0/*.png")):
        file.rename(file.with_name(f"renamed{file.name}"))
    renamed = [path.replace("renamed", "") for path in paths(read(moved))[0]]
    assert renamed == before[0]


def test_measuring_fewer_images_leaves_the_replayed_half_as_it_is(tmp_path: Path) -> None:
    root = write_general(tmp_path / "g", images=14)
    many, few = read(root), read(root, images_per_class=4)
    assert paths(few)[0] == paths(many)[0]
    assert len(few.probe) == 12
    assert set(paths(few)[1]) < set(paths(many)[1])


def test_broken_files_and_copies_are_left_out_and_named(tmp_path: Path) -> None:
    root = write_general(tmp_path / "g")
    (root / "class1" / "3.png").write_bytes(b"no picture")
    shutil.copy(root / "class0" / "0.png", root / "class2" / "zz.png")
    general = read(root)
    assert list(general.unreadable) == ["class1/3.png"]
    assert general.duplicates == ("class2/zz.png",)
    assert len(general.replay) + len(general.probe) == 26
    facts = general.facts()
    assert facts.unreadable.keys() == {"class1/3.png"}
    assert facts.duplicates == ("class2/zz.png",)
    assert (facts.replay_images, facts.probe_images) == (14, 12)


def test_the_fingerprint_tells_other_pictures_apart(tmp_path: Path) -> None:
    one = read(write_general(tmp_path / "a")).facts().fingerprint
    again = read(write_general(tmp_path / "b")).facts().fingerprint
    other = read(write_general(tmp_path / "c", images=8)).facts().fingerprint
    assert one == again != other


@pytest.mark.parametrize(
    ("classes", "images", "message"),
    [(0, 0, "cannot be used"), (1, 9, "all of one class"), (3, 3, "too few different images")],
)
def test_folders_that_cannot_tell_anything_are_refused(
    tmp_path: Path, classes: int, images: int, message: str
) -> None:
    (tmp_path / "g").mkdir()
    with pytest.raises(DataError, match=message) as caught:
        read(write_general(tmp_path / "g", classes, images))
    assert caught.value.key == "retention.general"
    assert caught.value.path == str(tmp_path / "g")
    assert caught.value.remedy is not None


def test_an_absent_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist") as caught:
        read(tmp_path / "nowhere")
    assert caught.value.key == "retention.general"
    assert "--general" in (caught.value.remedy or "")


def test_copies_do_not_make_up_for_too_few_images(tmp_path: Path) -> None:
    root = write_general(tmp_path / "g", images=4)
    for number in range(4):
        shutil.copy(root / "class0" / "0.png", root / "class0" / f"copy{number}.png")
    (root / "class0" / "1.png").unlink()
    with pytest.raises(DataError, match="too few different") as caught:
        read(root)
    assert "class0 (3)" in (caught.value.found or "")


def test_what_the_folder_holds_beside_images_is_counted(tmp_path: Path) -> None:
    root = write_general(tmp_path / "g")
    (root / "class0" / "._0.png").write_bytes(b"")
    (root / "class1" / "notes.txt").write_bytes(b"")
    parts = read(root).facts().passed_over
    assert {(part.reason, part.suffix, part.files) for part in parts} == {
        ("hidden", ".png", 1),
        ("not an image", ".txt", 1),
    }


def test_links_that_lead_out_are_followed_with_a_key_of_their_own(tmp_path: Path) -> None:
    real = write_general(tmp_path / "real")
    root = tmp_path / "g"
    root.mkdir()
    for folder in real.iterdir():
        (root / folder.name).symlink_to(folder)
    with pytest.raises(DataError) as caught:
        read(root)
    assert "--set retention.links=all" in str(caught.value.remedy)
    assert read_general(root, RetentionConfig(links="all"), SPEC).classes == 3


def test_classes_one_folder_deeper_name_the_folder_to_give(tmp_path: Path) -> None:
    root = write_general(tmp_path / "g" / "inner").parent
    with pytest.raises(DataError, match="one folder deeper") as caught:
        read(root)
    assert str(caught.value.remedy).endswith(f"--general {root / 'inner'}")


@pytest.mark.shared
@pytest.mark.slow
def test_the_real_general_set(shared: Path) -> None:
    general = read(shared / "data" / "general", images_per_class=15)
    assert general.classes == 100
    assert len(general.probe) == 1500
    assert set(general.replay.counts()["unassigned"].values()) == {20}
