"""A production line in a test: an inbox, small images, and a predictor that reads their label."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import JsonValue

from edgefit.runtime.answers import Origin
from edgefit.runtime.stopping import Stop
from edgefit.runtime.tasks import Cell
from edgefit.runtime.watch.answering import Answerer
from edgefit.runtime.watch.batch import Tally
from edgefit.runtime.watch.identifying import OWN_PREFIX
from edgefit.runtime.watch.loop import Pace, Watcher
from edgefit.runtime.watch.places import Places
from edgefit.spec import Frame

STAMP = Origin("0123", "fake/fp32")


def png(label: int) -> bytes:
    """A small image that the reader below answers with ``label``, 0 to 255."""
    encoded, data = cv2.imencode(".png", np.full((3, 4, 3), label, np.uint8))
    assert encoded
    return data.tobytes()


def clip(path: Path, labels: Sequence[int]) -> Path:
    """A video with one frame for each label; far apart, for MJPEG is not exact."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32))
    for label in labels:
        writer.write(np.full((32, 32, 3), label, np.uint8))
    writer.release()
    return path


def read_label(frame: Frame) -> Any:
    """A predictor: the mean grey level, to the next multiple of 5."""
    return round(float(frame.mean()) / 5) * 5


class LabelColumns:
    """Writes what :func:`read_label` answers."""

    names = ("label",)

    def cells(self, prediction: Any) -> Sequence[Cell]:
        return [self.facts(prediction)["label"]]  # type: ignore[list-item]

    def facts(self, prediction: Any) -> dict[str, JsonValue]:
        return {"label": prediction}


@dataclass
class Voice:
    """Keeps every sentence."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)


class Line:
    """Folders of one line, and a way to watch them once in this process."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places = Places(root / "inbox", root / "done", root / "failed", root / "results.jsonl")
        for folder in (self.places.inbox, self.places.done, self.places.failed):
            folder.mkdir(parents=True)
        self.voice = Voice()
        self.predictor: Any = read_label
        self.stop: Stop | None = None

    def put(self, name: str | bytes, content: bytes) -> Path:
        """A file in the inbox."""
        path = self.places.inbox / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def answerer(self) -> Answerer:
        return Answerer(self.places.inbox, self.predictor, None, LabelColumns(), STAMP)

    def watch(self, *, once: bool = True, settle_s: float = 0) -> Tally:
        """Watch; return what was done."""
        pace = Pace(interval_s=0.02, settle_s=settle_s)
        with (
            Stop() as stop,
            Watcher(self.places, self.answerer(), pace, stop, self.voice) as watcher,
        ):
            self.stop = stop
            watcher.run(once=once)
            return watcher.tally

    def facts(self) -> list[dict[str, Any]]:
        """The lines of the results; each must be whole."""
        if not self.places.results.exists():
            return []
        text = self.places.results.read_bytes()
        assert text == b"" or text.endswith(b"\n")
        return [json.loads(line) for line in text.splitlines()]

    def names(self) -> list[str]:
        return [facts["name"] for facts in self.facts()]

    def journal(self) -> Path:
        return self.root / ".results.jsonl.journal"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content; hidden ones too, but not watch's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(OWN_PREFIX)
    }
