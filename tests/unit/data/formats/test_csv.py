from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest

from edgefit.data.formats import csv, read_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig


def read(tmp_path: Path, text: str, **config: object) -> SampleTable:
    (tmp_path / "set.csv").write_text(text, encoding="utf-8")
    return read_samples(tmp_path / "set.csv", DataConfig.model_validate(config))


def test_columns_in_any_order_and_case(tmp_path: Path) -> None:
    table = read(tmp_path, "Label,shift,PATH,split\ngood,night,b.png,train\nbad,,./a.png,valid\n")
    first, second = table.samples
    assert (first.path, first.label, first.split) == ("a.png", "bad", "val")
    assert (second.path, second.label, second.split) == ("b.png", "good", "train")
    assert second.columns == {"shift": "night"}
    assert table.root == tmp_path
    assert table.labels.names == ("bad", "good")


def test_semicolons_quotes_and_byte_order_mark(tmp_path: Path) -> None:
    table = read(tmp_path, '\ufeffpath;label\n"a;1.png";"say ""no"""\nb,2.png;yes\n')
    assert [(s.path, s.label) for s in table.samples] == [
        ("a;1.png", 'say "no"'),
        ("b,2.png", "yes"),
    ]


def test_csv_named_in_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "all.csv").write_text("path,label\nx.png,a\n")
    table = read_samples(tmp_path, DataConfig(csv="lists/all.csv"))
    assert table.root == tmp_path / "lists", "paths are relative to the CSV's folder"


def test_missing_files_stay_for_the_audit(tmp_path: Path) -> None:
    assert len(read(tmp_path, "path,label\nabsent.png,a\n")) == 1


def test_group_column_then_own_column_then_pattern(tmp_path: Path) -> None:
    text = "path,label,group,part\nx1.png,a,g,p1\nx2.png,b,g,p2\n"
    assert [s.group for s in read(tmp_path, text).samples] == ["g", "g"]
    table = read(tmp_path, text, group_column="part")
    assert [s.group for s in table.samples] == ["p1", "p2"]
    table = read(tmp_path, text, group=r"^x\d")
    assert [s.group for s in table.samples] == ["x1", "x2"]


def test_without_groups_each_image_is_its_own(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label\nx.png,a\ny.png,b\n")
    assert [s.group for s in table.samples] == ["x.png", "y.png"]


def test_globs_apply(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label\nx.png,a\ny.jpg,b\n", exclude=["*.jpg"])
    assert [s.path for s in table.samples] == ["x.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "does not name its columns"),
        ("x.png,a\n", "does not name its columns"),
        ("path,label,label\nx.png,a,b\n", "does not name its columns"),
        ("path,label\nx.png\n", "Line 2 has 1 values"),
        ("path,label\nx.png,a\n\ny.png,a,b\n", "Line 4 has 3 values"),
        ("path,label\n,a\n", "Line 2 has no path"),
        ("path,label\nx.png, \n", "Line 2 has no label"),
        ("path,label\nx.png,a\n./x.png,b\n", "Line 3 repeats the path of line 2"),
        (
            "path,label,split\nx.png,a,holdout\n",
            "unknown split 'holdout' .known: train, val, valid",
        ),
        ("path,label\n", "names no images"),
        ("path,label,split\nx.png,a,train\ny.png,a,\n", "1 of 2 rows state no split"),
        ("path,label,group\nx.png,a,\n", "Line 2 has no group"),
        ("path,label\n../x.png,a\n", "leads out"),
        ("path,label\n/etc/passwd,a\n", "leads out"),
        ('path,label\n"x.png,a\n', "cannot be read"),
    ],
)
def test_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)


def test_label_that_is_not_in_the_class_list_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Line 3") as error:
        read(tmp_path, "path,label\nx.png,a\ny.png,c\n", classes=["a", "b"])
    assert error.value.found == "c"


def test_text_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_bytes(b"path,label\ncaf\xe9.png,a\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_samples(tmp_path / "set.csv", DataConfig())


def test_absent_csv_and_absent_group_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_samples(tmp_path, DataConfig(csv="no.csv"))
    with pytest.raises(DataError, match="lacks the column"):
        read(tmp_path, "path,label\nx.png,a\n", group_column="part")


def test_csv_outside_the_root_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("path,label\nx.png,a\n")
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match="leads out"):
        read_samples(tmp_path / "set", DataConfig(csv="../out.csv"))


def test_link_out_of_the_folder_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(b"")
    (folder / "x.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="leads out"):
        read(folder, "path,label\nx.png,a\n")


@pytest.mark.parametrize("text", [r"good\one\a.png", "good/one/a.png", r".\good\one\a.png"])
def test_windows_paths_are_kept_with_slashes(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "Path", PureWindowsPath)
    row = csv._Row(2, {"path": text, "label": "good"})
    assert csv._relative_path(row, Path("set.csv")) == "good/one/a.png"


@pytest.mark.parametrize("name", ["@mask", "@boxes"])
def test_a_column_with_a_name_of_our_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="a name that edgefit uses itself") as caught:
        read(tmp_path, f"path,label,{name}\na.png,good,x\n")
    assert caught.value.found == name
