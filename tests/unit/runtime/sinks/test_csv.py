"""A header and one row a frame."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.runtime.sinks.csv import CsvSink
from tests.unit.runtime.sinks.answers import (
    BAD,
    GOOD,
    POINT,
    columns,
    decided,
    fill,
    prediction,
)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    fill(CsvSink(path, columns(top=2)))
    with path.open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["name"] == "a\nb, c.png"
    assert first["top1"] == first["label"] == 'scratch, "deep"'
    assert (first["top1_p"], first["top2"], first["top2_p"]) == ("0.650000", "good", "0.250000")
    assert (first["time_s"], first["error"]) == ("0.100000", "")
    assert second["error"] == "The image file is empty."
    assert [second[c] for c in ("label", "confidence", "top1", "top2_p")] == [""] * 4
    assert None not in first
    assert None not in second


@pytest.mark.parametrize("time_s", [2, 2.0, np.float32(2), np.float64(2), np.int64(2)])
def test_a_time_has_one_format(tmp_path: Path, time_s: Any) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns()) as sink:
        sink.write(dataclasses.replace(GOOD, time_s=time_s), prediction())
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["time_s"] == "2.000000"


def test_a_row_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns(POINT, top=1)) as sink:
        sink.write(GOOD, decided())
        sink.write(BAD, None)
    with path.open(newline="", encoding="utf-8") as file:
        header, first, second = csv.reader(file)
    assert header[-6:] == ["decision", "unsure", "novelty", "novel", "error", "notes"]
    assert first[-6:] == ["unsure", "true", "0.750000", "true", "", ""]
    assert second[-6:-2] == [""] * 4 and second[-2] and not second[-1]


def test_notes_are_the_last_column(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns()) as sink:
        sink.write(dataclasses.replace(GOOD, notes=("page 1 of 2 read", "dark")), prediction())
    with path.open(newline="", encoding="utf-8") as file:
        header, row = csv.reader(file)
    assert (header[-1], row[-1]) == ("notes", "page 1 of 2 read; dark")


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns()) as sink:
        sink.write(dataclasses.replace(GOOD, name="b_\udcfcber.jpg"), prediction())
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "b_\\xfcber.jpg"
