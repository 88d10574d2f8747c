from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgefit.data.table import Box, Sample, SampleTable, examples
from edgefit.errors import DataError
from edgefit.spec import LabelMap

LABELS = LabelMap(("good", "bad"))


def make_table(root: Path) -> SampleTable:
    samples = (
        Sample("a, b.png", "good", "train", "g1", {"line": "7", "note": 'says "x"\nand more'}),
        Sample("ü/c.png", "bad", "val", "g2"),
        Sample("d.png", "bad", None, "g2"),
    )
    return SampleTable(root, samples, LABELS)


def test_csv_reads_back_equal(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    table.write_csv(tmp_path / "samples.csv")
    again = SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)
    assert again == table
    assert [p.name for p in tmp_path.iterdir()] == ["samples.csv"], "no temporary file stays"


def test_csv_of_names_that_are_not_utf8(tmp_path: Path) -> None:
    table = SampleTable(tmp_path, (Sample("caf\udce9.png", "good", "train", "x"),), LABELS)
    table.write_csv(tmp_path / "samples.csv")
    again = SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)
    assert again.samples[0].path == "caf\udce9.png"
    assert len(again.fingerprint()) == 64


def test_names_that_are_not_utf8_are_escaped_in_the_file(tmp_path: Path) -> None:
    samples = (
        Sample("a/x_\udcfc.png", "good", "train", "x_\udcfc", {"note": "a\\b"}, mask="m\udce9.png"),
        Sample(r"b/back\slash.png", "bad", "val", "g", {"note": "c"}),
        Sample("c/ü.png", "bad", "val", "g"),
    )
    table = SampleTable(tmp_path, samples, LABELS)
    table.write_csv(tmp_path / "samples.csv")
    text = (tmp_path / "samples.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0].split(",")[4:6] == ["@mask", "@escaped"]
    assert r"a/x_\xfc.png" in text and r"b/back\slash.png" in text
    again = SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)
    assert again == table


def test_a_table_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    """It held the bytes of such names as they are."""
    text = b"path,label,split,group\ncaf\xe9.png,good,train,caf\xe9.png\n"
    (tmp_path / "samples.csv").write_bytes(text)
    table = SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)
    assert table.samples[0].path == table.samples[0].group == "caf\udce9.png"
    table.write_csv(tmp_path / "again.csv")
    assert SampleTable.read_csv(tmp_path / "again.csv", root=tmp_path, labels=LABELS) == table


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table of samples"),
        ("path,label\na,good\n", "not a table of samples"),
        ("path,label,split,group\na,good,train\n", "Row 2"),
        ("path,label,split,group\na,good,train,g\nb,ugly,train,g\n", "Row 3"),
        ("path,label,split,group\na,good,holdout,g\n", "Row 2"),
        ("path,label,split,group,@boxes\na,good,train,g,[[1\n", "Row 2"),
        ("path,label,split,group,@escaped\n\\xzz,good,train,g,yes\n", "Row 2"),
    ],
)
def test_damaged_csv_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "samples.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)


def test_missing_csv_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        SampleTable.read_csv(tmp_path / "no.csv", root=tmp_path, labels=LABELS)


def test_counts_targets_and_groups(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    assert table.counts() == {
        "train": {"good": 1, "bad": 0},
        "val": {"good": 0, "bad": 1},
        "unassigned": {"good": 0, "bad": 1},
    }
    assert table.targets_N().tolist() == [0, 1, 1]
    assert table.targets_N().dtype == np.int64
    assert table.groups_N().tolist() == ["g1", "g2", "g2"]
    assert [s.path for s in table.of("val").samples] == ["ü/c.png"]


def test_group_counts_count_a_group_once(tmp_path: Path) -> None:
    samples = [Sample(f"{i}.png", "good", "train", f"g{i // 3}") for i in range(6)]
    table = SampleTable(tmp_path, tuple(samples), LABELS)
    assert table.group_counts() == {"train": {"good": 2, "bad": 0}}


def test_unknown_split_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such split"):
        make_table(tmp_path).of("validation")


def test_fingerprint_sees_every_fact_but_not_the_order(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    before = table.fingerprint()
    assert table.with_samples(reversed(table.samples)).fingerprint() == before
    first, *rest = table.samples
    for change in ({"label": "bad"}, {"split": "test"}, {"group": "g9"}, {"path": "z.png"}):
        assert table.with_samples([replace(first, **change), *rest]).fingerprint() != before
    (tmp_path / "d.png").write_bytes(b"123")
    with_file = table.fingerprint()
    assert with_file != before
    (tmp_path / "d.png").write_bytes(b"1234")
    assert table.fingerprint() != with_file


def test_examples_are_few() -> None:
    assert examples(["a", "b"]) == "a, b"
    assert examples([str(i) for i in range(12)]) == "0, 1, 2, 3, 4 and 7 more"


def test_labels_that_are_absent_boxes_and_masks_survive_the_file(tmp_path: Path) -> None:
    boxes = (Box("good", 1.0, 2.5, 8.0, 9.0), Box("bad", 0.0, 0.0, 4.0, 4.0))
    samples = (
        Sample("a.png", None, "train", "g1", {"camera": "left"}),
        Sample("b.png", "good", "val", "g2", boxes=boxes),
        Sample("c.png", "bad", None, "g3", boxes=(), mask="masks/c.png"),
    )
    table = SampleTable(tmp_path, samples, LABELS)
    table.write_csv(tmp_path / "samples.csv")
    again = SampleTable.read_csv(tmp_path / "samples.csv", root=tmp_path, labels=LABELS)
    assert again == table
    assert table.counts()["train"] == {"good": 0, "bad": 0, "unlabelled": 1}
    with pytest.raises(DataError, match="without a label"):
        table.targets_N()


def test_boxes_and_masks_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    def fingerprint(sample: Sample) -> str:
        return SampleTable(tmp_path, (sample,), LABELS).fingerprint()

    box = Box("good", 0.0, 0.0, 4.0, 4.0)
    found = {
        fingerprint(Sample("a.png", "good")),
        fingerprint(Sample("a.png", "good", boxes=())),
        fingerprint(Sample("a.png", "good", boxes=(box,))),
        fingerprint(Sample("a.png", "good", mask="a-mask.png")),
    }
    (tmp_path / "a-mask.png").write_bytes(b"pixels")
    found.add(fingerprint(Sample("a.png", "good", mask="a-mask.png")))
    assert len(found) == 5
