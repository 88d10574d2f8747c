"""``edgefit benchmark`` on a bundle: the table, the file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgefit.bench import suite
from edgefit.cli.main import run
from edgefit.recipe import make_recipe
from edgefit.records.benchmark import BenchmarkRecord, Round, WorkerError
from edgefit.run import RunFolder
from edgefit.spec import Engine
from edgefit.targets import load_target
from tests.tiny_models import ORT_FP32, OV_FP32, write_tiny_bundle

Capture = pytest.CaptureFixture[str]
QUICK = ["--seconds", "0.05", "--rounds", "1", "--threads", "1"]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny_bundle(tmp_path / "bundle", [ORT_FP32])


def test_a_system_that_does_not_say_its_memory_has_a_dash_in_the_table(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    measure = suite.run_worker

    def without_memory(job: Any, number: int) -> Any:
        silent = {"peak_memory_mb": None, "model_memory_mb": None}
        answer = measure(job, number)
        assert isinstance(answer, Round)
        return answer.model_copy(update=silent)

    monkeypatch.setattr(suite, "run_worker", without_memory)
    out = tmp_path / "figures.json"
    assert run(["benchmark", str(bundle), *QUICK, "--out", str(out), "--quiet"]) == 0
    stdout, stderr = capsys.readouterr()
    (row,) = [line.split() for line in stdout.splitlines() if line.startswith(" onnxruntime/fp32")]
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert not {"target", "differences"} & set(figures), "only where a target was given"
    (entry,) = figures["variants"]
    assert row[-2] == "-"
    assert row[1] == f"{entry['latency_ms']['p50']:.2f}"
    assert row[-1] == f"{entry['bytes'] / 1e6:.1f}"
    assert "recommended: onnxruntime/fp32" in stdout
    assert f"edgefit predict {bundle}" in stderr


def test_a_variant_that_fails_is_exit_code_1_with_its_reason(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    failed = WorkerError(message="it was killed", exit_code=-9, stderr="", round=1)
    monkeypatch.setattr(suite, "run_worker", lambda *_: failed)
    assert run(["benchmark", str(bundle), *QUICK]) == 1
    stdout, _ = capsys.readouterr()
    assert "it was killed" in stdout
    assert "recommended" not in stdout


@pytest.mark.parametrize("out", ["absent/figures.json", "."])
def test_a_place_that_cannot_be_written_is_told_before_measuring(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, out: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "run_worker", lambda *_: pytest.fail("measured"))
    assert run(["benchmark", str(bundle), "--out", out, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["key"] == "--out"


@pytest.mark.parametrize("option", [["--variant", "onnxruntime/fp32"], ["--threads", "2"]])
def test_options_of_a_bundle_are_refused_for_a_run(
    tmp_path: Path, capsys: Capture, option: list[str]
) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.start(make_recipe({"name": "x"}))
    assert run(["benchmark", str(folder.root), *option, "--json"]) == 2
    assert "apply to a bundle" in json.loads(capsys.readouterr().out)["message"]


def test_a_variant_that_is_not_held_is_named(bundle: Path, capsys: Capture) -> None:
    assert run(["benchmark", str(bundle), "--variant", "openvino/int8", "--json"]) == 2
    assert "openvino/int8" in capsys.readouterr().out


def test_a_target_gives_engines_and_threads_and_says_where_the_machine_differs(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    asked: dict[str, Any] = {}
    measure = suite.benchmark

    def remember(folder: Path, **options: Any) -> BenchmarkRecord:
        asked.update(options)
        results = measure(folder, **options)
        other = results.machine.model_copy(update={"architecture": "riscv64"})
        return results.model_copy(update={"machine": other})

    monkeypatch.setattr(suite, "benchmark", remember)
    target = load_target("raspberry-pi-5")
    out = tmp_path / "figures.json"
    quick = ["--seconds", "0.05", "--rounds", "1", "--json"]
    assert run(["benchmark", str(bundle), *quick, "--target", target.id, "--out", str(out)]) == 0
    assert (asked["threads"], asked["engines"]) == (target.threads, target.engines)
    stdout, stderr = capsys.readouterr()
    facts = json.loads(stdout)
    assert facts["settings"]["threads"] == target.threads
    assert "riscv64" in stderr
    assert facts["target"] == target.id
    assert "riscv64" in facts["differences"][0]
    assert json.loads(out.read_text(encoding="utf-8")) == facts
    assert run(["benchmark", str(bundle), *quick, "--target", target.id, "--threads", "1"]) == 0
    assert asked["threads"] == 1
    assert run(["benchmark", str(bundle), *quick, "--target", "raspberry"]) == 2


def test_only_variants_of_the_engines_asked_for_are_measured(tmp_path: Path) -> None:
    both = write_tiny_bundle(tmp_path / "both", [ORT_FP32, OV_FP32])
    results = suite.benchmark(both, engines=[Engine.ONNXRUNTIME], seconds=0.05, rounds=1)
    assert [entry.variant for entry in results.variants] == [str(ORT_FP32)]
    assert results.skipped == []
