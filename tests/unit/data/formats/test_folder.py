from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.walking import PassedOver, Reason


def touch(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def paths_of(table: SampleTable) -> list[str]:
    return [s.path for s in table.samples]


def test_classes_are_top_folders_and_images_may_lie_deeper(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.png", "a/Imgs/x/2.JPEG", "a/3.ppm", "a/notes.txt", "readme.md")
    table = read_samples(tmp_path, DataConfig()).table
    assert table.labels.names == ("a", "b")
    assert [(s.path, s.label, s.split) for s in table.samples] == [
        ("a/3.ppm", "a", None),
        ("a/Imgs/x/2.JPEG", "a", None),
        ("b/1.png", "b", None),
    ]
    assert all(s.group == s.path for s in table.samples), "each image is its own group"


def test_split_folders_are_recognised(tmp_path: Path) -> None:
    touch(tmp_path, "Train/a/1.png", "Train/b/2.png", "valid/a/3.png", "valid/b/4.png")
    table = read_samples(tmp_path, DataConfig()).table
    assert [s.split for s in table.samples] == ["train", "train", "val", "val"]
    assert table.labels.names == ("a", "b")


def test_classes_named_like_splits_are_classes_when_none_is_train(tmp_path: Path) -> None:
    touch(tmp_path, "test/1.png", "val/2.png")
    assert read_samples(tmp_path, DataConfig()).table.labels.names == ("test", "val")


def test_one_other_folder_makes_them_classes(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "boat/2.png")
    assert read_samples(tmp_path, DataConfig()).table.labels.names == ("boat", "train")


def test_include_and_exclude(tmp_path: Path) -> None:
    touch(tmp_path, "a/Imgs/1.jpg", "a/Imgs/1.png", "b/Imgs/2.jpg", "b/Imgs/bad_3.jpg")
    config = DataConfig(include=["*/Imgs/*.jpg"], exclude=["*/bad_*"])
    assert paths_of(read_samples(tmp_path, config).table) == ["a/Imgs/1.jpg", "b/Imgs/2.jpg"]


def test_a_class_may_be_excluded_whole(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png", "c/3.png")
    table = read_samples(tmp_path, DataConfig(exclude=["c/*"])).table
    assert table.labels.names == ("a", "b")


def test_hidden_files_and_folders_are_not_looked_at(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png", "a/._1.png", ".cache/3.png")
    assert paths_of(read_samples(tmp_path, DataConfig()).table) == ["a/1.png", "b/2.png"]


def test_class_order_can_be_given(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    table = read_samples(tmp_path, DataConfig(classes=["b", "a"])).table
    assert table.labels.names == ("b", "a")
    assert table.targets_N().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [(r"num_\d+", ["num_1", "num_1"]), (r"^(\w+)/.*_(\d+)", ["a/1", "b/1"])],
)
def test_groups_come_from_the_pattern(tmp_path: Path, pattern: str, groups: list[str]) -> None:
    touch(tmp_path, "a/exp1_num_1.png", "b/exp2_num_1.png")
    table = read_samples(tmp_path, DataConfig(group=pattern)).table
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
        (["a/1.png", "b/2.png"], DataConfig(classes=["a"]), "not in the class list"),
        (["a/1.png"], DataConfig(classes=["a", "b"]), "A class has no images"),
        (["a/1.png"], DataConfig(group_column="part"), "no columns"),
    ],
)
def test_errors(tmp_path: Path, files: list[str], config: DataConfig, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_samples(touch(tmp_path, *files), config)


@pytest.mark.parametrize(
    ("others", "advised"), [([], False), (["train/a/3.png", "test/a/4.png"], True)]
)
def test_nobody_is_advised_to_leave_all_images_out(
    tmp_path: Path, others: list[str], advised: bool
) -> None:
    touch(tmp_path, "train/1.png", "test/2.png", *others)
    with pytest.raises(DataError) as error:
        read_samples(tmp_path, DataConfig())
    assert ("data.exclude" in str(error.value.remedy)) is advised


def test_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_samples(tmp_path / "absent", DataConfig())


def test_a_link_out_of_the_root_is_passed_over_and_told(tmp_path: Path) -> None:
    root = touch(tmp_path / "set", "a/1.png", "b/2.png")
    outside = touch(tmp_path, "secret.png") / "secret.png"
    (root / "a" / "link.png").symlink_to(outside)
    reading = read_samples(root, DataConfig())
    assert paths_of(reading.table) == ["a/1.png", "b/2.png"]
    assert reading.passed_over == (PassedOver("a/link.png", Reason.LINK_OUT),)
    (told,) = reading.findings
    assert (told.level, told.code) == ("warning", "links-out")
    assert "data.links" in told.message
    followed = read_samples(root, DataConfig(links="all"))
    assert "a/link.png" in paths_of(followed.table)
    assert (followed.passed_over, followed.findings) == ((), ())


def test_a_set_of_links_that_lead_out_names_the_key(tmp_path: Path) -> None:
    real = touch(tmp_path / "real", "a/1.png", "b/2.png")
    root = tmp_path / "set"
    for path in ("a/1.png", "b/2.png"):
        (root / path).parent.mkdir(parents=True)
        (root / path).symlink_to(real / path)
    with pytest.raises(DataError, match="holds no images") as caught:
        read_samples(root, DataConfig())
    assert "--set data.links=all" in str(caught.value.remedy)
    assert len(read_samples(root, DataConfig(links="all")).table) == 2


def test_a_class_of_links_that_lead_out_is_not_lost(tmp_path: Path) -> None:
    root = touch(tmp_path / "set", "a/1.png", "b/2.png")
    (root / "c").symlink_to(touch(tmp_path / "real", "3.png"))
    with pytest.raises(DataError, match="the class would be lost") as caught:
        read_samples(root, DataConfig())
    assert "data.links=all" in str(caught.value.remedy)
    assert read_samples(root, DataConfig(links="all")).table.labels.names == ("a", "b", "c")


def test_a_link_to_a_folder_that_is_read_counts_once(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/2.png")
    (root / "c").symlink_to(root / "a")
    reading = read_samples(root, DataConfig())
    assert paths_of(reading.table) == ["a/1.png", "b/2.png"]
    assert [f.code for f in reading.findings] == ["links-again"]


def test_a_link_inside_the_root_is_read(tmp_path: Path) -> None:
    root = touch(tmp_path, "a/1.png", "b/2.png")
    (root / "a" / "3.png").symlink_to(root / "b" / "2.png")
    assert "a/3.png" in paths_of(read_samples(root, DataConfig()).table)


def test_a_linked_root_is_read(tmp_path: Path) -> None:
    touch(tmp_path / "real", "a/1.png", "b/2.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert len(read_samples(tmp_path / "link", DataConfig()).table) == 2


def test_thumbnails_of_a_network_drive_are_no_images(tmp_path: Path) -> None:
    thumbs = [
        f"{c}/@eaDir/{i}.png/SYNOPHOTO_THUMB_{x}.jpg" for c in "ab" for i in "12" for x in "MS"
    ]
    touch(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png", *thumbs)
    reading = read_samples(tmp_path, DataConfig())
    assert len(reading.table) == 4
    assert {entry.reason for entry in reading.passed_over} == {Reason.SYSTEM}
    assert len(reading.passed_over) == len(thumbs)


def test_every_file_is_an_image_or_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/._1.png", "a/x.txt", "b/2.png", "b/@eaDir/2.png/t.jpg", "c/3.jpg")
    reading = read_samples(tmp_path, DataConfig(exclude=["c/*"]))
    on_disk = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(reading.table) + len(reading.passed_over) == len(on_disk)
    assert PassedOver("c/3.jpg", Reason.EXCLUDED) in reading.passed_over


def test_a_file_whose_name_is_not_utf8_opens_and_its_group_is_printable(tmp_path: Path) -> None:
    touch(tmp_path, "a/x_\udcfc.png", "a/1.png", "b/2.png")
    table = read_samples(tmp_path, DataConfig()).table
    odd = table.samples[1]
    assert odd.path == "a/x_\udcfc.png"
    assert table.absolute(odd).is_file()
    assert odd.group == "a/x_\\xfc.png"


def test_a_class_folder_whose_name_is_not_utf8_has_a_printable_label(tmp_path: Path) -> None:
    touch(tmp_path, "gr\udcfcn/1.png", "b/2.png")
    reading = read_samples(tmp_path, DataConfig())
    assert reading.table.labels.names == ("b", "gr\\xfcn")
    assert len(reading.table.labels.sha256) == 64
    assert [(f.level, f.code) for f in reading.findings] == [("warning", "class-name-not-utf8")]


def test_two_unicode_forms_of_a_class_are_one_class(tmp_path: Path) -> None:
    touch(tmp_path, "sch\u00f6n/1.png", "scho\u0308n/2.png", "b/3.png")
    reading = read_samples(tmp_path, DataConfig(classes=["scho\u0308n", "b"]))
    assert reading.table.labels.names == ("sch\u00f6n", "b")
    assert [f.code for f in reading.findings] == ["class-in-two-unicode-forms"]


def test_twin_class_names_are_refused_unless_both_are_listed(tmp_path: Path) -> None:
    touch(tmp_path, "Good/1.png", "good/2.png")
    with pytest.raises(DataError, match="nearly the same name"):
        read_samples(tmp_path, DataConfig())
    table = read_samples(tmp_path, DataConfig(classes=["Good", "good"])).table
    assert table.labels.names == ("Good", "good")


def test_twins_in_different_splits_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/Good/1.png", "train/bad/2.png", "test/good/3.png", "test/bad/4.png")
    with pytest.raises(DataError, match="nearly the same name"):
        read_samples(tmp_path, DataConfig())


@pytest.mark.parametrize("names", [("Training", "Testing"), ("training_set", "test_set")])
def test_split_folders_of_any_common_form(tmp_path: Path, names: tuple[str, str]) -> None:
    train, test = names
    touch(tmp_path, f"{train}/a/1.png", f"{train}/b/2.png", f"{test}/a/3.png", f"{test}/b/4.png")
    table = read_samples(tmp_path, DataConfig()).table
    assert [s.split for s in table.samples] == [
        {train: "train", test: "test"}[s.path.split("/")[0]] for s in table.samples
    ]
    assert table.labels.names == ("a", "b")


def test_splits_inside_class_folders(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{c}/{s}/1.png" for c in ("good", "hole") for s in ("train", "test", "val")))
    table = read_samples(tmp_path, DataConfig()).table
    assert {(s.label, s.split) for s in table.samples} == {
        (c, s) for c in ("good", "hole") for s in ("train", "test", "val")
    }


def test_classes_that_only_the_test_folder_holds_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "train/good/1.png", "test/good/2.png", "test/hole/3.png")
    with pytest.raises(DataError, match="missing from the training images") as caught:
        read_samples(tmp_path, DataConfig())
    assert caught.value.found == "only in the test split: hole"


def test_images_beside_other_classes_name_the_folder_above(tmp_path: Path) -> None:
    root = touch(tmp_path / "my set", "good/1.png", "good/2.png", "hole/3.png")
    with pytest.raises(DataError, match="looks like one of the class folders") as caught:
        read_samples(root / "good", DataConfig())
    assert caught.value.remedy == f"give the folder above: --data '{root}'"


@pytest.mark.parametrize("given", [".", "train"])
def test_flat_splits_are_no_class_folders(tmp_path: Path, given: str) -> None:
    touch(tmp_path / "beside", "1.png")
    root = touch(tmp_path / "set", "train/1.png", "train/2.png", "test/3.png")
    with pytest.raises(DataError, match="outside class folders") as caught:
        read_samples(root / given, DataConfig())
    assert "looks like" not in caught.value.message
    assert "data.exclude" not in str(caught.value.remedy)
    assert ("test, train hold no class folders" in str(caught.value.remedy)) is (given == ".")


def test_a_folder_of_images_beside_mostly_other_folders_is_no_class(tmp_path: Path) -> None:
    touch(tmp_path, "set/1.png", "a/1.png", "b/1.txt", "c/1.txt")
    with pytest.raises(DataError, match="outside class folders") as caught:
        read_samples(tmp_path / "set", DataConfig())
    assert "looks like" not in caught.value.message


@pytest.mark.parametrize(
    ("paths", "remedy"),
    [
        (["train/1.png", "test/good/2.png"], "leave them out with data.exclude"),
        (["train/1.png", "train/good/2.png"], "leave them out with data.exclude"),
        (["test/1.png", "train/good/2.png", "train/bad/3.png"], "test/*"),
    ],
)
def test_a_split_is_left_out_only_if_classes_remain(
    tmp_path: Path, paths: list[str], remedy: str
) -> None:
    with pytest.raises(DataError, match="outside class folders") as caught:
        read_samples(touch(tmp_path, *paths), DataConfig())
    assert remedy in str(caught.value.remedy)


def test_globs_match_in_either_unicode_form(tmp_path: Path) -> None:
    touch(tmp_path, "a/scho\u0308n.png", "a/1.png", "b/2.png")
    table = read_samples(tmp_path, DataConfig(exclude=["*/sch\u00f6n*"])).table
    assert paths_of(table) == ["a/1.png", "b/2.png"]


def test_a_root_whose_name_is_not_utf8_is_one_clear_error(tmp_path: Path) -> None:
    root = touch(tmp_path / "s\udcfct", "a/1.png", "b/2.png")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_samples(root, DataConfig())
    assert str(caught.value.path).endswith("s\\xfct")
    str(caught.value).encode()
