"""The table that ``check`` froze is the one that every later stage reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.frozen import SAMPLES, freeze, frozen_samples
from edgefit.data.table import Sample, SampleTable
from edgefit.errors import DataError, RunError
from edgefit.recipe import make_recipe
from edgefit.records.check import CheckRecord, LabelsRecord, Spread
from edgefit.run import RunFolder
from edgefit.spec import LabelMap

TABLE = SampleTable(
    Path("/images"),
    (
        Sample("b/1.png", "b", "train", "lot 1", {"camera": "left"}),
        Sample("a/\u7455.png", "a", "test", "lot 2", {"camera": "right"}),
        Sample("a/3.png", "a", "val", "a/3.png", {}),
    ),
    LabelMap(("b", "a")),
)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run in which the table was frozen."""
    run = RunFolder(tmp_path / "run", make_recipe({"name": "x"}))
    freeze(TABLE, run)
    sizes = Spread(min=1, median=1.0, max=1)
    CheckRecord.model_construct(
        **dict.fromkeys(("images", "groups", "grey", "colour", "near_black", "near_white"), 3),
        **dict.fromkeys(("classes", "findings", "dropped_leaks"), ()),
        images_by_split_and_class={},
        groups_by_split_and_class={},
        **dict.fromkeys(("width", "height"), sizes),
        **dict.fromkeys(("fingerprint", "source_fingerprint"), "ab"),
        unreadable={},
        root="/images",
    ).write(run.root)
    return run


def test_all_of_it_comes_back(run: RunFolder) -> None:
    found = frozen_samples(run)
    assert found == TABLE
    assert found.fingerprint() == TABLE.fingerprint()
    assert found.labels.names == ("b", "a"), "the order of the outputs, not of the alphabet"


def test_labels_are_frozen_beside_it(run: RunFolder) -> None:
    record = LabelsRecord.read(run.root)
    assert record.labels == ("b", "a")
    assert record.sha256 == TABLE.labels.sha256


def test_images_without_labels_stay_without(run: RunFolder) -> None:
    bare = SampleTable(TABLE.root, (Sample("1.png", None, "train"),), LabelMap(()))
    freeze(bare, run)
    assert frozen_samples(run).samples[0].label is None


def test_before_the_check_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="`check` has not written"):
        frozen_samples(RunFolder(tmp_path / "run", make_recipe({"name": "x"})))


def test_a_damaged_table_is_named(run: RunFolder) -> None:
    path = run.root / "check" / SAMPLES
    path.write_text("nothing,of,the,kind\n1,2,3,4\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        frozen_samples(run)
    assert caught.value.path == str(path)
