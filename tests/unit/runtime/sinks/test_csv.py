"""A header and one row a frame."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.csv import CsvSink
from tests.unit.runtime.sinks.answers import (
    BAD,
    GOOD,
    LIVE,
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
        sink.write(Answer(dataclasses.replace(GOOD, time_s=time_s), prediction()))
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["time_s"] == "2.000000"


def test_a_row_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns(POINT, top=1)) as sink:
        sink.write(Answer(GOOD, decided()))
        sink.write(Answer(BAD, None))
    with path.open(newline="", encoding="utf-8") as file:
        header, first, second = csv.reader(file)
    at = header.index("decision")
    assert header[at : at + 6] == ["decision", "unsure", "novelty", "novel", "error", "notes"]
    assert first[at : at + 6] == ["unsure", "true", "0.750000", "true", "", ""]
    assert second[at : at + 4] == [""] * 4 and second[at + 4] and not second[at + 5]


def test_notes_are_joined(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    noted = dataclasses.replace(GOOD, notes=("page 1 of 2 read", "dark"))
    with CsvSink(path, columns()) as sink:
        sink.write(Answer(noted, prediction()))
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["notes"] == "page 1 of 2 read; dark"


def test_a_row_says_where_when_and_by_what(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns()) as sink:
        sink.write(LIVE)
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["bundle"], row["variant"]) == ("cam", "0123", "onnxruntime/int8")
    assert [row[n] for n in ("region", "x", "y", "width", "height")] == ["left", *"0567"]
    assert row["arrived_at"] == "2026-01-02T03:04:05.250000+00:00"
    assert (row["age_s"], row["dropped"]) == ("0.040000", "3")


def test_a_name_that_is_not_utf8_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns()) as sink:
        sink.write(Answer(dataclasses.replace(GOOD, name="b_\udcfcber.jpg"), prediction()))
    with path.open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["name"] == "b_\\xfcber.jpg"
