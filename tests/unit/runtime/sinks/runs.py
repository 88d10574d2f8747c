"""Runs of a predictor that needs no model, which are cut off and go on."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgefit.runtime.answers import Answer, Origin
from edgefit.runtime.sinks import Answered, CsvSink, JsonlSink, Rotation, TextSink
from edgefit.runtime.sources import FrameSource, SourceFrame, open_source
from edgefit.runtime.sources.resumed import Resumed
from edgefit.runtime.stream import Stream
from edgefit.spec import ClassPrediction, Frame
from tests.unit.runtime.sinks.answers import LABELS, columns

ORIGIN = Origin("0123", "onnxruntime/int8")
KINDS: tuple[type[TextSink], ...] = (JsonlSink, CsvSink)
ENDINGS = {JsonlSink: "out.jsonl", CsvSink: "out.csv"}


class Mean:
    """Answers by the mean of the frame."""

    origin = ORIGIN

    def __call__(self, frame: Frame) -> ClassPrediction:
        share = np.float32(frame.mean() / 255)
        found = np.array([share, 1 - share, 0], np.float32)
        return ClassPrediction.from_probabilities(found, LABELS)


def run(
    kind: type[TextSink],
    out: str | Path,
    source: FrameSource | Path,
    *,
    resume: bool = False,
    most: int | None = None,
    rotation: Rotation | None = None,
) -> Answered | None:
    """Answer a source; with ``most``, leave off after so many answers, as if killed."""
    frames = open_source(source) if isinstance(source, Path) else source
    answered = Answered(ORIGIN) if resume else None
    with kind(out, columns(top=1), answered=answered, rotation=rotation) as sink:
        if answered is not None:
            frames = Resumed(frames, answered.leaves_out, answered.frames)
        running = Stream(Mean(), [frames], [sink])
        for count, _ in enumerate(running, 1):
            if count == most:
                running.close()
                break
    return answered


def regions_of(index: int, names: Sequence[str]) -> list[Answer]:
    """The answers of a frame with regions."""
    from edgefit.runtime.answers import Region

    shot = SourceFrame(index, f"{index}.png", None, None, "none", None)
    return [Answer(shot, None, ORIGIN, Region(name, 0, 0, 1, 1)) for name in names]


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a file; each must be whole."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        assert all(None not in row and None not in row.values() for row in rows)
        return rows
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names(*paths: Path) -> list[str]:
    return [record["name"] for path in paths for record in records(path)]


opened = partial(Answered, ORIGIN)
