"""Data sets of other programs are told by name; class folders with stray files are read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.formats.foreign import recognise, require_not_foreign
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.walking import walk

COCO = json.dumps({"info": {}, "images": [], "annotations": [], "categories": []})
LABELME = json.dumps({"version": "5", "flags": {}, "shapes": [], "imagePath": "1.jpg"})
STUDIO = json.dumps([{"id": 1, "annotations": [{"completed_by": 1}], "data": {"image": "1.jpg"}}])
VOC = "<annotation><folder>x</folder><object><name>dog</name></object></annotation>"
CVAT = "<?xml version='1.0'?><annotations><version>1.1</version></annotations>"
MANIFEST = '{"source-ref": "s3://bucket/1.jpg", "label": 0}'
YAML = "train: images/train\nval: images/val\nnc: 2\nnames: [a, b]\n"
BOX = "0 0.5 0.5 0.25 0.25\n"
GTSRB = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"

FOREIGN: list[tuple[str, dict[str, str]]] = [
    ("YOLO", {"images/1.jpg": "", "labels/1.txt": BOX}),
    ("YOLO", {"images/train/1.jpg": "", "images/val/2.jpg": "", "labels/train/1.txt": BOX}),
    ("YOLO", {"train/images/1.jpg": "", "train/labels/1.txt": BOX, "valid/images/2.jpg": ""}),
    ("YOLO", {"images/train/1.jpg": "", "images/val/2.jpg": "", "data.yaml": YAML}),
    ("YOLO", {"coco/images/train2017/1.jpg": "", "coco/labels/train2017/1.txt": BOX}),
    ("YOLO", {"1.jpg": "", "1.txt": BOX, "classes.txt": "dog"}),
    ("COCO", {"train2017/1.jpg": "", "val2017/2.jpg": "", "annotations/instances.json": COCO}),
    ("COCO", {"images/1.jpg": "", "annotations.json": COCO}),
    ("Roboflow", {"train/1.jpg": "", "test/2.jpg": "", "train/_annotations.coco.json": COCO}),
    ("Roboflow", {"train/1.jpg": "", "train/_classes.csv": "filename, a, b\n"}),
    ("Pascal VOC", {"JPEGImages/1.jpg": "", "Annotations/1.xml": VOC}),
    ("Pascal VOC", {"VOC2012/JPEGImages/1.jpg": "", "VOC2012/SegmentationClass/1.png": ""}),
    ("Pascal VOC", {"1.jpg": "", "1.xml": VOC}),
    ("MVTec AD", {"train/good/1.png": "", "test/hole/2.png": "", "ground_truth/hole/2.png": ""}),
    ("MVTec AD", {f"{c}/{s}/1.png": "" for c in "ab" for s in ("train/good", "ground_truth/x")}),
    ("Label Studio", {"images/1.jpg": "", "project.json": STUDIO}),
    ("CVAT", {"images/1.jpg": "", "images/2.jpg": "", "annotations.xml": CVAT}),
    ("SageMaker", {"1.jpg": "", "output.manifest": MANIFEST}),
    ("LabelMe", {"1.jpg": "", "1.json": LABELME}),
    ("Hugging Face", {"1.jpg": "", "metadata.csv": "file_name,label\n1.jpg,a\n"}),
    ("Hugging Face", {"train/1.jpg": "", "train/metadata.jsonl": '{"file_name": "1.jpg"}'}),
    ("ImageNet", {"ILSVRC/train/n01/1.JPEG": "", "ILSVRC/val/2.JPEG": "", "LOC_val.csv": "x"}),
    ("GTSRB", {"Train/0/1.png": "", "Test/2.png": "", "Meta/0.png": "", "Test.csv": GTSRB}),
    ("GTSRB", {"Final_Test/Images/1.ppm": "", "Final_Test/Images/GT-final_test.csv": GTSRB}),
    ("masks", {"images/1.jpg": "", "masks/1.png": ""}),
    ("masks", {"Images/Normal/1.jpg": "", "Images/Anomaly/2.jpg": "", "Masks/Anomaly/2.png": ""}),
]


def put(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(("name", "files"), FOREIGN)
def test_another_format_is_told_by_name(tmp_path: Path, name: str, files: dict[str, str]) -> None:
    with pytest.raises(DataError, match=name) as caught:
        read_samples(put(tmp_path, files), DataConfig())
    assert "edgefit does not read as it is" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "files",
    [
        {"a/1.json": LABELME, "notes.json": "[1, 2"},
        {"annotations.json": COCO},
        {"data.yaml": YAML, "a/1.txt": BOX},
        {"a/GT-00000.csv": GTSRB, "b/GT-00001.csv": GTSRB},
        {"README.roboflow.txt": "", "annotations.xml": CVAT},
        {"metadata.csv": "file_name,label\n"},
        {"a/images/1.jpg": "", "a/labels/1.txt": BOX, "b/images/2.jpg": ""},
    ],
)
def test_class_folders_with_stray_files_are_read(tmp_path: Path, files: dict[str, str]) -> None:
    put(tmp_path, {"a/1.jpg": "", "b/2.jpg": "", **files})
    assert read_samples(tmp_path, DataConfig()).table.labels.names == ("a", "b")


def test_masks_beside_train_and_test_can_be_left_out(tmp_path: Path) -> None:
    files = ["train/good/1.png", "train/hole/2.png", "test/good/3.png", "test/hole/4.png"]
    put(tmp_path, dict.fromkeys([*files, "ground_truth/hole/4_mask.png"], ""))
    with pytest.raises(DataError, match="MVTec"):
        read_samples(tmp_path, DataConfig())
    table = read_samples(tmp_path, DataConfig(exclude=["ground_truth/*"])).table
    assert {s.path for s in table.samples} == set(files)


def test_the_key_layout_insists_on_classes(tmp_path: Path) -> None:
    put(tmp_path, {"image/1.jpg": "", "mask/2.jpg": ""})
    with pytest.raises(DataError, match="images and masks"):
        read_samples(tmp_path, DataConfig())
    assert len(read_samples(tmp_path, DataConfig(layout="classes")).table.labels) == 2


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("data.yaml", YAML, "YOLO"),
        ("instances.json", COCO, "COCO"),
        ("output.manifest", MANIFEST, "SageMaker"),
        ("set.zip", "PK", "not a folder"),
    ],
)
def test_a_file_of_another_format_is_told_too(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_samples(put(tmp_path, {name: text}) / name, DataConfig())
    assert ("unpack it" in str(caught.value.remedy)) is (name == "set.zip")


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (["metadata.csv"], "metadata.csv"),
        (["train/metadata.csv"], "train/metadata.csv"),
        (["train/metadata.jsonl"], None),
        (["train/metadata.csv", "test/metadata.csv"], None),
    ],
)
def test_only_a_metadata_file_that_exists_is_named(
    tmp_path: Path, files: list[str], command: str | None
) -> None:
    put(tmp_path, {"train/1.jpg": "", **dict.fromkeys(files, "file_name,label\n1.jpg,a\n")})
    with pytest.raises(DataError, match="Hugging Face") as caught:
        read_samples(tmp_path, DataConfig())
    remedy = str(caught.value.remedy)
    assert remedy.endswith(f"--data {tmp_path / command}") if command else "--data" not in remedy


def test_the_road_signs_name_the_folder_of_their_classes(tmp_path: Path) -> None:
    files = {f"Train/{c}/{i}.png": "" for c in (0, 1, 14) for i in range(2)}
    put(tmp_path, {**files, "Test/1.png": "", "Meta/0.png": "", "Train.csv": GTSRB})
    with pytest.raises(DataError, match="GTSRB") as caught:
        read_samples(tmp_path, DataConfig())
    assert str(caught.value.remedy).endswith(f"--data {tmp_path / 'Train'}")


def test_an_error_of_a_class_folder_is_not_hidden_by_stray_files(tmp_path: Path) -> None:
    put(tmp_path, {"Good/1.jpg": "", "good/2.jpg": "", "annotations.json": COCO})
    with pytest.raises(DataError, match="nearly the same name"):
        read_samples(tmp_path, DataConfig())


def test_why_class_folders_cannot_be_read_is_kept(tmp_path: Path) -> None:
    put(tmp_path, {"a/1.jpg": "", "b/2.jpg": "", "3.jpg": "", "annotations.json": COCO})
    with pytest.raises(DataError, match="COCO") as caught:
        read_samples(tmp_path, DataConfig())
    assert "1 image lies outside class folders" in str(caught.value.found)


def test_rubbish_and_links_raise_nothing(tmp_path: Path) -> None:
    put(tmp_path / "set", {"1.jpg": "", "deep.json": "{" * 9000})
    for suffix in ("json", "yaml", "xml", "csv", "manifest", "txt"):
        (tmp_path / "set" / f"rubbish.{suffix}").write_bytes(os.urandom(10_000))
    put(tmp_path, {"outside.json": COCO})
    (tmp_path / "set" / "link.json").symlink_to(tmp_path / "outside.json")
    (tmp_path / "set" / "loop.json").symlink_to(tmp_path / "set" / "loop.json")
    found = walk(tmp_path / "set")
    assert recognise(tmp_path / "set", found) is None
    require_not_foreign(tmp_path / "set", found, is_single=True)
