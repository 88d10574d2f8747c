"""The stage ``bundle``: what passed, with its figures, report and card."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from edgefit.bundle import read_bundle
from edgefit.errors import GateError
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.stages import bundle as stage
from edgefit.stages.benchmark import benchmark_run
from edgefit.stages.bundle import bundle_run
from edgefit.stages.verify import verify
from tests.stamps import is_done, mark_done

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def benchmarked(drafted: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run up to ``benchmark``; read only."""
    folder = tmp_path_factory.mktemp("benchmarked") / "run"
    run = RunFolder(shutil.copytree(drafted.root, folder))
    verify(run)
    benchmark_run(run)
    return run


@pytest.fixture
def measured(benchmarked: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A copy of it whose report is one file."""

    def report(run: RunFolder, manifest: object, folder: Path, **_: object) -> list[str]:
        (folder / "report.html").write_text("a page", encoding="utf-8")
        return ["report.html"]

    monkeypatch.setattr(stage, "write_report", report)
    return RunFolder(shutil.copytree(benchmarked.root, tmp_path / "run"))


def test_what_passed_is_in_it_with_its_figures(measured: RunFolder) -> None:
    manifest = bundle_run(measured)
    bundle = read_bundle(measured.root / "bundle")
    assert bundle.manifest.variants == manifest.variants
    assert manifest.status == "verified"
    verified, timed = VerifyRecord.read(measured.root), BenchmarkRecord.read(measured.root)
    assert [str(v.key) for v in manifest.variants] == list(verified.passed)
    for variant in manifest.variants:
        entry = verified.verdict(str(variant.key))
        assert entry is not None
        assert variant.metrics["accuracy"]["value"] == entry.metrics["accuracy"].value
        assert variant.gate["passed"] is True
        assert variant.benchmark["latency_ms"]["p50"] > 0
    assert manifest.recommended["default"] == timed.recommendation.variant
    assert set(manifest.recommended) == {"default", "onnxruntime", "openvino"}
    assert {"report.html", "verify.json"} <= {f.path for f in manifest.files}


def test_its_files_are_those_of_the_draft(measured: RunFolder) -> None:
    manifest = bundle_run(measured)
    for entry in [f for variant in manifest.variants for f in variant.files]:
        original = (measured.root / "export" / entry.path).read_bytes()
        assert (measured.root / "bundle" / entry.path).read_bytes() == original
        assert hashlib.sha256(original).hexdigest() == entry.sha256


def test_what_failed_is_left_out(measured: RunFolder) -> None:
    record = VerifyRecord.read(measured.root)
    record.model_copy(
        update={"passed": ("onnxruntime/fp32",), "failed": {"openvino/fp32": ("it drops",)}}
    ).write(measured.root)
    manifest = bundle_run(measured)
    assert [str(variant.key) for variant in manifest.variants] == ["onnxruntime/fp32"]
    assert not (measured.root / "bundle" / "openvino").exists()


def test_where_nothing_required_passed_there_is_no_bundle(measured: RunFolder) -> None:
    record = VerifyRecord.read(measured.root)
    failed = dict.fromkeys(record.passed, ("it drops",))
    record.model_copy(update={"passed": (), "failed": failed}).write(measured.root)
    with pytest.raises(GateError, match="it drops"):
        bundle_run(measured)
    assert not (measured.root / "bundle").exists()


def test_a_bundle_that_was_removed_is_packed_again(measured: RunFolder) -> None:
    first = bundle_run(measured)
    assert is_done(measured, "bundle")
    shutil.rmtree(measured.root / "bundle")
    assert bundle_run(measured) == first
    assert read_bundle(measured.root / "bundle").manifest.variants == first.variants


def test_a_report_that_cannot_be_written_leaves_the_old_bundle(
    measured: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle_run(measured)
    old = (measured.root / "bundle" / "manifest.json").read_bytes()
    mark_done(measured, "benchmark", "another measurement")

    def full_disk(*_: object, **__: object) -> list[str]:
        raise OSError("no space left")

    monkeypatch.setattr(stage, "write_report", full_disk)
    with pytest.raises(OSError, match="no space left"):
        bundle_run(measured)
    assert (measured.root / "bundle" / "manifest.json").read_bytes() == old
    json.loads(old)
