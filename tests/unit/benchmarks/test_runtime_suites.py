"""The suites that measure this room run, and what they write fits the schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import jsonschema
import pytest

from benchmarks import overhead, preprocess
from tests.tiny_models import write_tiny_bundle

SCHEMA = Path(__file__).parents[3] / "benchmarks" / "schema.json"


@pytest.fixture(autouse=True)
def restore_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    yield
    cv2.setNumThreads(before)


def figures_of(out: Path, suite: str) -> dict[str, dict[str, object]]:
    result = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(result, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert result["suite"] == suite
    figures = {figure["name"]: figure for figure in result["figures"]}
    assert len(figures) == len(result["figures"])
    assert all(figure.get("peer", name) in figures for name, figure in figures.items())
    return figures


@pytest.mark.slow
def test_preprocess(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["preprocess", "--rounds", "1", "--out", str(out)])
    preprocess.main()
    figures = figures_of(out, "preprocess")
    assert figures["preprocess stretch"]["peer"] == "cv2.resize INTER_AREA"
    ours = figures["preprocess stretch, distance to Pillow"]["median"]
    plain = figures["cv2.resize INTER_LINEAR, distance to Pillow"]["median"]
    assert isinstance(ours, float)
    assert isinstance(plain, float)
    assert 0 < ours < 2
    assert ours < plain / 2


def test_overhead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, out = write_tiny_bundle(tmp_path / "tiny.bundle"), tmp_path / "out.json"
    arguments = ["overhead", str(bundle), "--rounds", "1", "--runs", "2", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    overhead.main()
    figures = figures_of(out, "overhead")
    for engine in ("onnxruntime", "openvino"):
        ours = figures[f"{engine}/fp32 edgefit, frame"]
        assert ours["peer"] == f"{engine}/fp32 preprocess and bare engine, frame"
        assert len(ours["samples"]) == 2
