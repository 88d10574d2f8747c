"""CSV text from other programs and systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefit.data.formats.csv_text import read_lines
from edgefit.errors import DataError

TEXT = "path,label\n\u00e4.png,good\n"
ROWS = [["path", "label"], ["\u00e4.png", "good"]]


def rows(tmp_path: Path, data: bytes) -> list[list[str]]:
    (tmp_path / "set.csv").write_bytes(data)
    return [line.values for line in read_lines(tmp_path / "set.csv")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    assert rows(tmp_path, TEXT.encode(encoding)) == ROWS


def test_utf16_of_either_byte_order_with_its_mark(tmp_path: Path) -> None:
    assert rows(tmp_path, b"\xfe\xff" + TEXT.encode("utf-16-be")) == ROWS
    assert rows(tmp_path, b"\xff\xfe" + TEXT.encode("utf-16-le")) == ROWS


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path: Path, delimiter: str, end: str) -> None:
    text = TEXT.replace(",", delimiter).replace("\n", end)
    assert rows(tmp_path, text.encode()) == ROWS


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"'])
def test_the_line_that_states_the_delimiter_is_obeyed(tmp_path: Path, first: str) -> None:
    text = f"{first}\r\npath;label\r\na,b,c.png;good\r\n"
    assert rows(tmp_path, text.encode()) == [["path", "label"], ["a,b,c.png", "good"]]


def test_lines_are_numbered_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("sep=;\n\npath;label\n\na;b\n", encoding="utf-8")
    assert [line.number for line in read_lines(tmp_path / "set.csv")] == [3, 5]


def test_a_delimiter_in_quotes_does_not_count(tmp_path: Path) -> None:
    assert rows(tmp_path, b'"path,a,b";label\nx;y\n') == [["path,a,b", "label"], ["x", "y"]]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert rows(tmp_path, b"") == []


def test_windows_text_says_the_line_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 is not UTF-8") as caught:
        rows(tmp_path, b"path,label\na.png,good\nsch\xf6n.png,good\n")
    assert "0xF6" in str(caught.value.found) and "sch\u00f6n.png" in str(caught.value.found)
    assert "UTF-8" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\3\4\x14\0\6\0\x08\0\0\0" * 40, "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(300), "workbook"),
        (bytes(range(256)) * 3, "no text"),
    ],
)
def test_a_file_that_is_not_text_is_told(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match="not a text file") as caught:
        rows(tmp_path, data)
    assert words in str(caught.value.found)
    assert "CSV" in str(caught.value.remedy)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
def test_utf32_is_named(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataError, match="UTF-32"):
        rows(tmp_path, TEXT.encode(encoding))


def test_a_zero_byte_names_its_line_and_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="zero bytes") as caught:
        rows(tmp_path, b"path,label\n" + b"a.png,good\n" * 60 + b"b\0.png,bad\n")
    assert caught.value.found == "a zero byte in line 62"


def test_damaged_utf16_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cut off or damaged") as caught:
        rows(tmp_path, TEXT.encode("utf-16") + b"x")
    assert caught.value.remedy


def test_an_open_quote_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Line \d of the CSV file cannot be read") as caught:
        rows(tmp_path, b'path,label\n"a.png,good\n')
    assert caught.value.remedy


def test_rows_that_a_spreadsheet_emptied_are_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path, f",\n{TEXT},\n , \n".encode()) == ROWS
