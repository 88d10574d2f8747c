"""What is known of the real sets in the shared folder, held as numbers."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from edgefit.data.audit import audit
from edgefit.data.formats import read_samples
from edgefit.data.split import assign_splits
from edgefit.data.tasks import TASKS
from edgefit.recipe import DataConfig, SplitConfig
from edgefit.spec import CLASSIFICATION, InputSpec

TASK = TASKS[CLASSIFICATION]

pytestmark = pytest.mark.shared


def test_road_signs_split_by_track(shared: Path) -> None:
    table = read_samples(shared / "data" / "gtsrb", DataConfig(group=r"^\d+/\d+")).table
    assert (len(table), len(table.labels)) == (5328, 43)
    split = assign_splits(table, SplitConfig(), TASK)
    tracks = defaultdict(set)
    for sample in split.samples:
        tracks[sample.group].add(sample.split)
    assert len(tracks) == 888
    assert all(len(splits) == 1 for splits in tracks.values())
    shares = {name: len(split.of(name)) / len(table) for name in ("train", "val", "test")}
    assert shares == pytest.approx({"train": 0.65, "val": 0.15, "test": 0.2}, abs=0.01)


def test_the_broken_road_sign_is_found(shared: Path) -> None:
    config = DataConfig(include=["00033/0001*", "00034/0000*"])
    table = read_samples(
        shared / "data" / "gtsrb", config.model_copy(update={"classes": ["00033", "00034"]})
    ).table
    report = audit(table, InputSpec(96, 96))
    assert list(report.unreadable) == ["00033/00015_00004.ppm"]


def test_casting_leaks_between_its_parts(shared: Path) -> None:
    table = read_samples(
        shared / "data" / "casting", DataConfig(include=["*/ok_front/*"], classes=["ok_front"])
    ).table
    report = audit(table, InputSpec(224, 224))
    (leak,) = [f for f in report.findings if f.code == "leak"]
    assert len(leak.paths) == 34
    assert {path.split("/")[0] for path in leak.paths} == {"train", "test"}


def test_magnetic_tiles_leave_their_masks_out(shared: Path) -> None:
    config = DataConfig(include=["*/Imgs/*.jpg"], group=r"num_\d+")
    table = read_samples(shared / "data" / "magnetic_tile", config).table
    split = assign_splits(table, config.split, TASK)
    assert len(split) == 1344
    assert split.counts()["test"]["MT_Fray"] >= 5
