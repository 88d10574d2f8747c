"""Sinks: one whole line a frame, readable back, even when the writer is killed."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgefit.errors import InputError
from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sinks.sink import Sink, TextSink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.tasks import TASKS, Columns
from edgefit.spec import (
    CLASSIFICATION,
    UNSURE,
    ClassificationRule,
    ClassPrediction,
    ConformalRule,
    DefectThreshold,
    LabelMap,
    NoveltyRule,
)

LABELS = LabelMap(("good", 'scratch, "deep"', "Loch"))
PLAIN = ClassificationRule()
GOOD = SourceFrame(0, "a\nb, c.png", 0.1, np.zeros((2, 2, 3), np.uint8), None, None)
BAD = SourceFrame(1, "ü.png", None, None, "The image file is empty.", None)


def prediction() -> ClassPrediction:
    return ClassPrediction.from_probabilities(np.array([0.25, 0.65, 0.1], np.float32), LABELS)


def columns(rule: ClassificationRule = PLAIN, top: int = 5) -> Columns:
    return TASKS[CLASSIFICATION].columns(LABELS, rule, top=top)


def fill(sink: Sink) -> None:
    with sink:
        sink.write(GOOD, prediction())
        sink.write(BAD, None)


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    fill(JsonlSink(path, columns(top=2)))
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert first == {
        "index": 0,
        "name": "a\nb, c.png",
        "time_s": 0.1,
        "label": 'scratch, "deep"',
        "confidence": 0.65,
        "top": [['scratch, "deep"', 0.65], ["good", 0.25]],
        "error": None,
    }
    assert second == {
        "index": 1,
        "name": "ü.png",
        "time_s": None,
        "label": None,
        "confidence": None,
        "top": [],
        "error": "The image file is empty.",
    }


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


def test_top_is_at_most_the_number_of_classes(tmp_path: Path) -> None:
    fill(JsonlSink(tmp_path / "out.jsonl", columns(top=99)))
    first = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert len(first["top"]) == 3


@pytest.mark.parametrize("kind", [JsonlSink, CsvSink])
def test_standard_output_stays_open(
    kind: type[TextSink], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    fill(kind("-", columns()))
    out = capfdbinary.readouterr().out
    assert out.endswith(b"\n")
    assert "ü.png".encode() in out
    assert not sys.stdout.buffer.closed


@pytest.mark.parametrize("kind", [JsonlSink, CsvSink])
def test_a_target_that_cannot_be_written_is_an_error(kind: type[TextSink], tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "absent" / "out"):
        with pytest.raises(InputError, match="cannot be written") as caught:
            kind(target, columns())
        assert caught.value.path == str(target)
    with pytest.raises(InputError, match="top"):
        columns(top=0)


POINT = ClassificationRule(None, ConformalRule(0.9, 0.2), NoveltyRule(0.5, "p.npy"))


def decided() -> ClassPrediction:
    return dataclasses.replace(prediction(), decision=UNSURE, novelty=0.75, is_novel=True)


def test_a_line_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns(POINT)) as sink:
        sink.write(GOOD, decided())
        sink.write(BAD, None)
    first, second = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    added = ("decision", "unsure", "novelty", "novel")
    assert [first[k] for k in added] == ["unsure", True, 0.75, True]
    assert first["label"] == 'scratch, "deep"'
    assert [second[k] for k in added] == [None] * 4


def test_a_row_holds_what_the_operating_point_adds(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with CsvSink(path, columns(POINT, top=1)) as sink:
        sink.write(GOOD, decided())
        sink.write(BAD, None)
    with path.open(newline="", encoding="utf-8") as file:
        header, first, second = csv.reader(file)
    assert header[-5:] == ["decision", "unsure", "novelty", "novel", "error"]
    assert first[-5:] == ["unsure", "true", "0.750000", "true", ""]
    assert second[-5:-1] == [""] * 4 and second[-1]


@pytest.mark.parametrize(
    ("point", "added"),
    [
        (ClassificationRule(), set()),
        (ClassificationRule(DefectThreshold("a", "b", 0.5)), {"decision"}),
        (ClassificationRule(novelty=NoveltyRule(0.5, "p")), {"novelty", "novel"}),
        (ClassificationRule(conformal=ConformalRule(0.9, 0.1)), {"decision", "unsure"}),
    ],
)
def test_nothing_is_added_that_the_bundle_does_not_have(
    tmp_path: Path, point: ClassificationRule, added: set[str]
) -> None:
    path = tmp_path / "out.jsonl"
    with JsonlSink(path, columns(point)) as sink:
        sink.write(GOOD, prediction())
    plain = {"index", "name", "time_s", "label", "confidence", "top", "error"}
    assert json.loads(path.read_text(encoding="utf-8")).keys() == plain | added


_ENDLESS = """
import sys
import numpy as np
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.tasks import TASKS
from edgefit.spec import CLASSIFICATION, ClassificationRule, ClassPrediction, LabelMap
labels = LabelMap(("a", "b"))
columns = TASKS[CLASSIFICATION].columns(labels, ClassificationRule(), top=5)
answer = ClassPrediction.from_probabilities(np.array([0.3, 0.7], np.float32), labels)
with JsonlSink(sys.argv[1], columns) as sink:
    for index in range(10**9):
        sink.write(SourceFrame(index, "x" * 500, None, None, None, None), answer)
        if index == 200:
            print("going", flush=True)
"""


def test_a_killed_writer_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    process = subprocess.Popen([sys.executable, "-c", _ENDLESS, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    data = path.read_bytes()
    assert data.endswith(b"\n")
    rows = [json.loads(line) for line in data.splitlines()]
    assert [row["index"] for row in rows] == list(range(len(rows)))
    assert len(rows) > 200
