"""A new bundle in place of the old one: it answers, or it is refused and the old one goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.bundle import MANIFEST
from edgefit.runtime.monitor.reloading import Reload, Reloader
from edgefit.runtime.predictor import Predictor, load
from tests.tiny_models import LABELS, ORT_FP32, write_tiny_bundle
from tests.unit.runtime.monitor.renewed import renewed


class Line:
    """A run that a new bundle may reach."""

    def __init__(self, folder: Path) -> None:
        self.bundle = write_tiny_bundle(folder / "bundle", [ORT_FP32])
        self.first = load(self.bundle)
        self.swapped: list[Predictor] = []
        self.opened = 0
        self.said: list[str] = []
        self.warned: list[str] = []
        reload = Reload(self.bundle, self._opened, self.swapped.append)
        self.look = Reloader(reload, self.first, self)

    def _opened(self, bundle: Any) -> Predictor:
        self.opened += 1
        return load(bundle.root, variant="onnxruntime/fp32", threads=1)

    def say(self, text: str) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def looks(self, times: int = 4) -> None:
        for _ in range(times):
            self.look()


@pytest.fixture
def line(tmp_path: Path) -> Line:
    line = Line(tmp_path)
    line.looks()
    assert (line.swapped, line.opened, line.said, line.warned) == ([], 0, [], [])
    return line


def test_a_new_bundle_is_tested_and_then_answers_once(line: Line) -> None:
    sha = renewed(line.bundle, name="second")
    line.looks()
    assert [predictor.origin.bundle for predictor in line.swapped] == [sha]
    assert sha != line.first.origin.bundle
    assert len(line.said) == 1 and sha in line.said[0] and line.warned == []
    third = renewed(line.bundle, name="third")
    line.looks()
    assert [predictor.origin.bundle for predictor in line.swapped] == [sha, third]


def test_the_same_bundle_written_again_changes_nothing(line: Line) -> None:
    renewed(line.bundle)
    line.looks()
    assert (line.swapped, line.opened, line.said, line.warned) == ([], 0, [], [])


def test_a_folder_that_is_away_for_a_moment_is_no_fault(line: Line) -> None:
    line.bundle.rename(line.bundle.with_name("away"))
    line.looks()
    assert line.warned == []
    line.bundle.with_name("away").rename(line.bundle)
    renewed(line.bundle, name="second")
    line.looks()
    assert len(line.swapped) == 1


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"labels": ["red", "green", "teal"]}, "class"),
        ({"input": {"width": 32}}, "another input"),
        ({"operating": {"kind": "classification", "conformal": {"coverage": 0.9, "quantile": 0.5}}},
         "other columns"),
    ],
    ids=["classes", "input", "columns"],
)  # fmt: skip
def test_what_sinks_or_sources_were_not_opened_for_is_refused(
    line: Line, facts: dict[str, Any], said: str
) -> None:
    if "input" in facts:
        manifest = json.loads((line.bundle / MANIFEST).read_text(encoding="utf-8"))
        facts = {"input": manifest["input"] | facts["input"]}
    if "labels" in facts:
        from edgefit.spec import LabelMap

        facts = facts | {"labels_sha256": LabelMap(tuple(facts["labels"])).sha256}
    assert LABELS.names != ("red", "green", "teal")
    renewed(line.bundle, **facts)
    line.looks()
    assert line.swapped == [] and line.said == []
    (warned,) = line.warned
    assert "the old one goes on" in warned and said in warned


def test_a_self_test_that_fails_is_told_once_and_a_mended_bundle_answers(line: Line) -> None:
    def golden(edit: bool) -> None:
        import hashlib

        path = line.bundle / "golden" / "golden.json"
        facts = json.loads(path.read_text(encoding="utf-8"))
        rows = facts["outputs"]["onnxruntime/fp32"]["probabilities"]
        rows[0], rows[2] = rows[2], rows[0]
        data = json.dumps(facts).encode()
        path.unlink()
        path.write_bytes(data)
        manifest = json.loads((line.bundle / MANIFEST).read_text(encoding="utf-8"))
        for entry in manifest["files"]:
            if entry["path"] == "golden/golden.json":
                entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        renewed(line.bundle, files=manifest["files"], name="broken" if edit else "mended")

    golden(edit=True)
    line.looks()
    assert line.swapped == [] and len(line.warned) == 1 and "self-test failed" in line.warned[0]
    golden(edit=False)
    line.looks()
    assert len(line.swapped) == 1 and len(line.warned) == 1


def test_a_bundle_that_is_copied_file_by_file_answers_once_it_is_whole(line: Line) -> None:
    model = line.bundle / "onnxruntime" / "model.fp32.onnx"
    data = model.read_bytes()
    manifest = (line.bundle / MANIFEST).read_bytes()
    sha = renewed(line.bundle, name="second")
    fresh = (line.bundle / MANIFEST).read_bytes()
    (line.bundle / MANIFEST).write_bytes(manifest)
    line.looks()
    assert line.swapped == []
    (line.bundle / MANIFEST).write_bytes(fresh)
    model.write_bytes(data[:100])
    line.looks()
    assert line.swapped == [] and len(line.warned) == 1
    model.write_bytes(data)
    line.looks()
    assert [predictor.origin.bundle for predictor in line.swapped] == [sha]


def test_a_graph_that_cannot_be_opened_is_refused(line: Line) -> None:
    def refuse(bundle: object) -> Predictor:
        raise RuntimeError("the engine says no")

    reloader = Reloader(Reload(line.bundle, refuse, line.swapped.append), line.first, line)
    renewed(line.bundle, name="second")
    for _ in range(3):
        reloader()
    assert line.swapped == [] and "the engine says no" in line.warned[0]
    assert len(line.warned) == 1
