"""What holds for every sink: whole records, where they go, what they hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edgefit.errors import InputError
from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.csv import CsvSink
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sinks.sink import TextSink
from edgefit.spec import (
    ClassificationRule,
    ConformalRule,
    DefectThreshold,
    NoveltyRule,
)
from tests.unit.runtime.sinks.answers import (
    GOOD,
    columns,
    fill,
    prediction,
)


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
        sink.write(Answer(GOOD, prediction()))
    plain = {"index", "name", "time_s", "label", "confidence", "top", "error"}
    assert json.loads(path.read_text(encoding="utf-8")).keys() == plain | added


_ENDLESS = """
import sys
import numpy as np
from edgefit.runtime.answers import Answer
from edgefit.runtime.sinks.jsonl import JsonlSink
from edgefit.runtime.sources.source import SourceFrame
from edgefit.runtime.tasks import TASKS
from edgefit.spec import CLASSIFICATION, ClassificationRule, ClassPrediction, LabelMap
labels = LabelMap(("a", "b"))
columns = TASKS[CLASSIFICATION].columns(labels, ClassificationRule(), top=5)
answer = ClassPrediction.from_probabilities(np.array([0.3, 0.7], np.float32), labels)
with JsonlSink(sys.argv[1], columns) as sink:
    for index in range(10**9):
        sink.write(Answer(SourceFrame(index, "x" * 500, None, None, None, None), answer))
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
