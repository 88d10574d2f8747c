"""Records read back, and an end that was cut off."""

from __future__ import annotations

import csv
import dataclasses
import io
from functools import partial
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.sink import TextSink
from edgefit.runtime.sinks.written import Written, csv_line, csv_rows, json_lines
from tests.unit.runtime.sinks.answers import BAD, GOOD, LIVE, columns, prediction
from tests.unit.runtime.sinks.runs import ENDINGS, KINDS


def header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file))


def read(path: Path, like: Path | None = None) -> list[Written]:
    is_csv = path.suffix == ".csv"
    return list((partial(csv_rows, header=header(like or path)) if is_csv else json_lines)(path))


def write(kind: type[TextSink], folder: Path) -> Path:
    path = folder / ENDINGS[kind]
    odd = dataclasses.replace(GOOD, name='c\r"\n\u2028\x00, \udcfc.png', index=2)
    with kind(path, columns()) as sink:
        for answer in (Answer(GOOD, prediction()), Answer(BAD, None), LIVE):
            sink.write(answer)
        sink.write(Answer(odd, prediction()))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_records_are_read_as_they_were_written(kind: type[TextSink], tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    good, bad, live, odd = read(path)
    assert (good.index, good.name, good.source, good.region) == (0, "a\nb, c.png", "", None)
    assert (good.origin, good.is_error) == (None, False)
    assert (bad.index, bad.name, bad.is_error) == (1, "ü.png", True)
    assert (live.source, live.region) == ("cam", "left")
    assert live.origin == Origin("0123", "onnxruntime/int8")
    assert odd.name == 'c\r"\n\u2028\x00, \\xfc.png'
    assert odd.end == path.stat().st_size
    assert good.end < bad.end < live.end < odd.end


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_off_anywhere_gives_its_whole_records(
    kind: type[TextSink], tmp_path: Path
) -> None:
    whole = write(kind, tmp_path)
    data, written = whole.read_bytes(), read(whole)
    part = tmp_path / f"part{whole.suffix}"
    for size in range(len(data)):
        for tail in (b"", b"\0" * 9):
            part.write_bytes(data[:size] + tail)
            assert read(part, whole) == [record for record in written if record.end <= size]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_has_no_records(kind: type[TextSink], tmp_path: Path) -> None:
    whole = write(kind, tmp_path)
    empty = tmp_path / f"empty{whole.suffix}"
    empty.touch()
    assert read(empty, whole) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "foreign", [b"milk\n", b"milk", b"{}\n", b"[1]\n", b"\xff\xfe\n", b"1\n2\n"]
)
def test_a_file_that_is_not_ours_is_refused_and_stays(
    kind: type[TextSink], tmp_path: Path, foreign: bytes
) -> None:
    whole = write(kind, tmp_path)
    other = tmp_path / f"other{whole.suffix}"
    other.write_bytes(foreign)
    with pytest.raises(InputError, match="continued"):
        read(other, whole)
    assert other.read_bytes() == foreign


@pytest.mark.parametrize("kind", KINDS)
def test_damage_in_the_middle_is_told_not_cut(kind: type[TextSink], tmp_path: Path) -> None:
    path = write(kind, tmp_path)
    first = read(path)[1]
    data = path.read_bytes()
    path.write_bytes(data[: first.end] + b"half a rec\n" + data[first.end :])
    with pytest.raises(InputError) as caught:
        read(path)
    assert ("line 3" if path.suffix == ".jsonl" else f"byte {first.end}") in str(caught.value.found)


def test_other_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns(top=2)):
        pass
    wanted = [name for name in header(path) if name != "notes"] + ["mood"]
    with pytest.raises(InputError) as caught:
        list(csv_rows(path, wanted))
    assert caught.value.found == "without mood and with notes"
    with pytest.raises(InputError) as caught:
        list(csv_rows(path, header(path)[::-1]))
    assert caught.value.found == "the same columns in another order"


@pytest.mark.parametrize("cell", ["a\rb", "a\nb", 'a"b', "a,b", " a ", "\r", ""])
def test_every_reader_of_csv_reads_a_row(cell: str) -> None:
    line = csv_line(["x", cell])
    assert list(csv.reader(io.StringIO(line, newline=""), strict=True)) == [["x", cell]]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(json_lines(tmp_path))


def test_a_whole_line_that_is_not_a_record_is_not_cut_off(tmp_path: Path) -> None:
    """Such as the summary that ``--json`` prints."""
    path = write(KINDS[0], tmp_path)
    with path.open("ab") as file:
        file.write(b'{"summary": {"answered": 3}}\n')
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.found == "line 5 is not a record"
