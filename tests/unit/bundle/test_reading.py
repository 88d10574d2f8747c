"""A bundle that is read, whole or by its parts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import pytest

from edgefit.bundle import (
    MANIFEST,
    read_bundle,
)
from edgefit.errors import BundleError
from edgefit.spec import (
    RULES,
    Engine,
    InputSpec,
    LabelMap,
    Precision,
    Rule,
    Task,
    VariantKey,
)
from tests.unit.bundle.small import LABELS, ONNX, write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "b")


def test_round_trip(root: Path) -> None:
    bundle = read_bundle(root)
    assert bundle.labels == LABELS
    assert bundle.input == InputSpec(32, 32)
    assert bundle.model_path(ONNX).read_text() == "weights"
    assert bundle.file("notes.txt").read_text() == "notes"
    assert bundle.variant(ONNX).size == 7
    assert [e.path for e in bundle.entries()] == ["onnxruntime/model.onnx", "notes.txt"]
    assert sorted(p.name for p in root.parent.iterdir()) == ["b"]
    assert sorted(p.name for p in root.iterdir()) == [MANIFEST, "notes.txt", "onnxruntime"]


def test_what_the_bundle_does_not_hold(root: Path) -> None:
    bundle = read_bundle(root)
    with pytest.raises(BundleError, match="does not hold this variant") as caught:
        bundle.variant(VariantKey(Engine.OPENVINO, Precision.INT8))
    assert caught.value.expected == "onnxruntime/fp32"
    with pytest.raises(BundleError, match="does not list"):
        bundle.file("onnxruntime/model.onnx")


def test_a_draft_is_refused_unless_asked_for(tmp_path: Path) -> None:
    root = write(tmp_path / "b", status="draft")
    with pytest.raises(BundleError, match="not passed the gate"):
        read_bundle(root)
    assert read_bundle(root, allow_draft=True).manifest.status == "draft"


@dataclass(frozen=True)
class CountingRule(Rule):
    """The rule of a task that only this test knows."""

    kind: Literal["counting"] = field(default="counting", kw_only=True)

    @classmethod
    def plain(cls) -> Self:
        return cls()

    @property
    def decides(self) -> bool:
        return False

    def check(self, labels: LabelMap) -> None:
        pass


def test_a_rule_of_another_task_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, Task("counting"), CountingRule)
    facts = json.loads((root / MANIFEST).read_text())
    (root / MANIFEST).write_text(json.dumps(facts | {"operating": {"kind": "counting"}}))
    with pytest.raises(BundleError, match="another task") as caught:
        read_bundle(root)
    assert caught.value.key == "operating.kind"
    assert (caught.value.expected, caught.value.found) == ("classification", "counting")
    assert caught.value.path == str(root / MANIFEST)


def test_no_bundle_here(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, found in (("file", "a file"), ("gone", "nothing"), (".", "a folder without it")):
        with pytest.raises(BundleError, match="No bundle is here") as caught:
            read_bundle(tmp_path / path)
        assert caught.value.found == found
