from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats import read_samples
from edgefit.data.table import SampleTable
from edgefit.errors import DataError
from edgefit.recipe import DataConfig
from edgefit.runtime.walking import PassedOver, Reason


def read(tmp_path: Path, text: str, **config: object) -> SampleTable:
    (tmp_path / "set.csv").write_text(text, encoding="utf-8")
    return read_samples(tmp_path / "set.csv", DataConfig.model_validate(config)).table


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
    table = read_samples(tmp_path, DataConfig(csv="lists/all.csv")).table
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
        ("path,label,split\nx.png,a,demo\n", "Line 2 has the unknown split 'demo'"),
        ("path,label\n", "names no images"),
        ("path,label,split\nx.png,a,train\ny.png,a,\n", "1 of 2 rows state no split"),
        ("path,label,group\nx.png,a,\n", "Line 2 has no group"),
        ("path,label\n../x.png,a\n", "leads out"),
        ("path,label\n/etc/passwd,a\n", "leads out"),
        ('path,label\n"x.png,a\n', "cannot be read"),
    ],
)
def test_errors(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert caught.value.remedy, "an error says what to do"


def test_label_that_is_not_in_the_class_list_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Line 3") as error:
        read(tmp_path, "path,label\nx.png,a\ny.png,c\n", classes=["a", "b"])
    assert error.value.found == "c"


def test_text_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_bytes(b"path,label\ncaf\xe9.png,a\n")
    with pytest.raises(DataError, match="line 2 is not UTF-8") as caught:
        read_samples(tmp_path / "set.csv", DataConfig())
    assert "caf\u00e9.png" in str(caught.value.found)
    assert "save the file as UTF-8" in str(caught.value.remedy)


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
    with pytest.raises(DataError, match="Line 2: A path leads out") as caught:
        read(folder, "path,label\nx.png,a\n")
    assert "data.links: all" in str(caught.value.remedy)
    assert len(read(folder, "path,label\nx.png,a\n", links="all")) == 1
    with pytest.raises(DataError, match="leads out"):
        read(folder, "path,label\n../secret.png,a\n", links="all")


@pytest.mark.parametrize("word", ["Training", "train_set", "TRN", " trainset "])
def test_the_split_column_takes_any_common_form(tmp_path: Path, word: str) -> None:
    text = f"path,label,split\nx.png,a,{word}\ny.png,a,hold-out\nz.png,b,dev\n"
    assert [s.split for s in read(tmp_path, text).samples] == ["train", "test", "val"]


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("path,label\nx.png,a\ny.jpg,b\n")
    reading = read_samples(tmp_path / "set.csv", DataConfig(exclude=["*.jpg"]))
    assert reading.passed_over == (PassedOver("y.jpg", Reason.EXCLUDED),)


def test_labels_are_in_one_unicode_form_and_twins_are_refused(tmp_path: Path) -> None:
    table = read(tmp_path, "path,label\nx.png,scho\u0308n\ny.png,sch\u00f6n\nz.png,b\n")
    assert table.labels.names == ("b", "sch\u00f6n")
    with pytest.raises(DataError, match="nearly the same name") as caught:
        read(tmp_path, "path,label\nx.png,Good\ny.png,good\n")
    assert caught.value.found == "'Good' and 'good'"


def test_a_list_from_windows_is_read(tmp_path: Path) -> None:
    """Backslashes, semicolons after `sep=;`, UTF-16 and CRLF, all at once."""
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "\u00e4.png").write_bytes(b"")
    text = "sep=;\r\npath;label\r\ngood\\\u00e4.png;good\r\n"
    (tmp_path / "set.csv").write_bytes(text.encode("utf-16"))
    reading = read_samples(tmp_path / "set.csv", DataConfig())
    assert [s.path for s in reading.table.samples] == ["good/\u00e4.png"]
    assert [f.code for f in reading.findings] == ["backslashes"]


def test_the_list_of_another_program_is_named(tmp_path: Path) -> None:
    header = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    with pytest.raises(DataError, match="GTSRB") as caught:
        read(tmp_path, f"{header}\n00000.ppm;29;30;5;6;24;25;0\n")
    assert "rename the column Filename to path and the column ClassId to label" in str(
        caught.value.remedy
    )


@pytest.mark.parametrize("name", ["@mask", "@boxes", "@escaped"])
def test_a_column_with_a_name_of_our_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="a name that edgefit uses itself") as caught:
        read(tmp_path, f"path,label,{name}\na.png,good,x\n")
    assert caught.value.found == name
