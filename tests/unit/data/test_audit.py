from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgefit.data.audit import AuditReport, audit
from edgefit.data.formats import read_samples
from edgefit.data.split import assign_splits
from edgefit.data.tasks import TASKS
from edgefit.errors import DataError
from edgefit.recipe import DataConfig, SplitConfig
from edgefit.records.check import Finding, Spread
from edgefit.spec import CLASSIFICATION, Damaged, InputSpec

SPEC = InputSpec(16, 16)
Write = Callable[..., Path]


def run(root: Path, **config: object) -> AuditReport:
    return audit(read_samples(root, DataConfig.model_validate(config)), SPEC)


def finding(report: AuditReport, code: str) -> Finding:
    (found,) = [f for f in report.findings if f.code == code]
    return found


def codes(report: AuditReport) -> set[str]:
    return {f.code for f in report.findings}


def test_clean_set(tmp_path: Path, write_classes: Write) -> None:
    report = run(write_classes(tmp_path, {"a": 25, "b": 25}))
    assert len(report.table) == 50
    assert report.unreadable == {}
    assert codes(report) == {"no-groups"}
    facts = report.facts["a/0000.png"]
    assert (facts.width, facts.height, facts.grey, facts.blank) == (16, 12, False, False)


def test_the_record_counts(tmp_path: Path, write_classes: Write) -> None:
    report = run(write_classes(tmp_path, {"a": 3, "b": 2}))
    record = report.to_record(report.table)
    assert record.images == record.groups == 5
    assert record.images_by_split_and_class == {"unassigned": {"a": 3, "b": 2}}
    assert record.width == Spread(min=16, median=16.0, max=16)
    assert record.height == Spread(min=12, median=12.0, max=12)
    assert (record.colour, record.grey) == (5, 0)
    assert record.fingerprint == record.source_fingerprint


def test_unreadable_files_are_listed_and_left_out(tmp_path: Path, write_classes: Write) -> None:
    root = write_classes(tmp_path, {"a": 4, "b": 4})
    (root / "a" / "zero.png").write_bytes(b"")
    (root / "b" / "text.jpg").write_text("no picture")
    report = run(root)
    assert set(report.unreadable) == {"a/zero.png", "b/text.jpg"}
    assert len(report.table) == 8
    assert finding(report, "unreadable").message.startswith("2 of 10 images")


def test_missing_files_of_a_csv_are_unreadable(tmp_path: Path, write_image: Write) -> None:
    write_image(tmp_path / "x.png")
    (tmp_path / "set.csv").write_text("path,label\nx.png,a\ngone.png,b\n")
    report = run(tmp_path, csv="set.csv")
    assert report.unreadable == {"gone.png": "no such file"}


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"")
    with pytest.raises(DataError, match="None of 2 images"):
        run(tmp_path)


def test_duplicates_share_a_group(tmp_path: Path, write_classes: Write, write_image: Write) -> None:
    root = write_classes(tmp_path, {"a": 4, "b": 4})
    write_image(root / "a" / "again.bmp", 0)
    report = run(root)
    assert finding(report, "duplicate").paths == ("a/0000.png", "a/again.bmp")
    groups = {s.path: s.group for s in report.table.samples}
    assert groups["a/again.bmp"] == groups["a/0000.png"] == "a/0000.png"
    for seed in range(10):
        table = assign_splits(report.table, SplitConfig(seed=seed), TASKS[CLASSIFICATION])
        assert "leak" not in codes(report.with_splits(table))


def test_duplicates_join_whole_groups(tmp_path: Path, write_image: Write) -> None:
    for path, seed in {"a/t1_1": 1, "a/t1_2": 2, "a/t2_1": 2, "a/t2_2": 3, "b/t3_1": 4}.items():
        write_image(tmp_path / f"{path}.png", seed)
    report = run(tmp_path, group=r"t\d")
    assert [s.group for s in report.table.samples] == ["t1", "t1", "t1", "t1", "t3"]


def test_the_same_picture_with_two_labels(
    tmp_path: Path, write_classes: Write, write_image: Write
) -> None:
    root = write_classes(tmp_path, {"a": 3, "b": 3})
    write_image(root / "b" / "again.png", 0)
    found = finding(run(root), "label-conflict")
    assert found.level == "error"
    assert found.paths == ("a/0000.png", "b/again.png")


def test_stated_splits_that_share_a_picture(
    tmp_path: Path, write_classes: Write, write_image: Write
) -> None:
    write_classes(tmp_path / "train", {"a": 3, "b": 3})
    write_image(tmp_path / "test" / "a" / "seen.png", 0)
    write_image(tmp_path / "test" / "b" / "new.png", 99)
    report = run(tmp_path)
    found = finding(report, "leak")
    assert (found.level, found.paths) == ("error", ("test/a/seen.png", "train/a/0000.png"))
    assert report.findings[0] == found, "the gravest stands first"
    groups = [s.group for s in report.table.samples]
    assert len(set(groups)) == len(groups), (
        "stated splits are not joined: that would divide a group"
    )


def test_blank_and_dark_pictures(tmp_path: Path, write_classes: Write) -> None:
    root = write_classes(tmp_path, {"a": 3, "b": 3})
    for name, level in {"a/black1": 0, "b/black2": 0, "a/white": 250}.items():
        cv2.imwrite(str(root / f"{name}.png"), np.full((12, 16, 3), level, np.uint8))
    report = run(root)
    record = report.to_record(report.table)
    assert (record.near_black, record.near_white) == (2, 1)
    assert len(finding(report, "blank").paths) == 3
    assert not codes(report) & {"duplicate", "label-conflict"}, "blank pictures are no duplicates"


def test_grey_that_goes_with_the_class(tmp_path: Path, write_classes: Write) -> None:
    root = write_classes(tmp_path, {"a": 3, "b": 3})
    for path in (root / "b").iterdir():
        cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    assert finding(run(root), "mixed-colour").level == "warning"
    cv2.imwrite(str(root / "a" / "grey.png"), np.arange(192, dtype=np.uint8).reshape(12, 16))
    cv2.imwrite(
        str(root / "b" / "colour.png"), np.eye(12, dtype=np.uint8)[..., None] * (9, 99, 200)
    )
    assert finding(run(root), "mixed-colour").level == "info"


def test_small_pictures_few_images_imbalance_and_groups(
    tmp_path: Path, write_classes: Write
) -> None:
    root = write_classes(tmp_path, {"a": 33, "b": 3})
    report = audit(read_samples(root, DataConfig()), InputSpec(64, 64))
    assert len(finding(report, "enlarged").paths) == 36
    assert "b (3 in unassigned)" in finding(report, "few-images").message
    assert "33" in finding(report, "imbalance").message
    grouped = report.table.with_samples(replace(s, group=s.label) for s in report.table.samples)
    assert "no-groups" not in codes(report.with_splits(grouped))


def test_result_does_not_depend_on_workers(tmp_path: Path, write_classes: Write) -> None:
    table = read_samples(write_classes(tmp_path, {"a": 9, "b": 9}), DataConfig())
    assert audit(table, SPEC, workers=1) == audit(table, SPEC, workers=4)


def test_images_are_read_by_the_rules_of_the_input(tmp_path: Path, write_classes: Write) -> None:
    root = write_classes(tmp_path, {"a": 4, "b": 4})
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    data = cv2.imencode(".jpg", noise)[1].tobytes()
    (root / "a" / "cut.jpg").write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    deep = np.random.default_rng(1).integers(0, 4096, (24, 32), dtype=np.uint16)
    cv2.imwrite(str(root / "b" / "deep.png"), deep)
    table = read_samples(root, DataConfig())
    refused = audit(table, SPEC)
    assert "premature end" in refused.unreadable["a/cut.jpg"]
    assert finding(refused, "unused-bits").paths == ("b/deep.png",)
    assert refused.facts["b/deep.png"].mean_level < 16
    read = audit(table, replace(SPEC, damaged=Damaged.WARN, bits=12))
    assert read.unreadable == {}
    assert finding(read, "damaged").paths == ("a/cut.jpg",)
    assert "unused-bits" not in codes(read)
    assert 100 < read.facts["b/deep.png"].mean_level < 150
    small = audit(table, replace(SPEC, max_pixels=1000))
    assert "320x240 pixels" in small.unreadable["a/cut.jpg"]
