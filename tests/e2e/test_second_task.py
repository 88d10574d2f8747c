"""A task that only the tests know goes through every room, and not one file of edgefit changes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgefit
from edgefit.bench import suite
from edgefit.bench.worker import measure
from edgefit.bundle import read_bundle
from edgefit.cli.main import run as program
from edgefit.records.build import BuildResult
from edgefit.runtime.images.decode import decode_image
from edgefit.runtime.tasks import TASKS
from tests.second_task import GLOW, GlowPrediction, GlowRule, draw_lamps, glow_recipe, register

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_lamps(tmp_path_factory.mktemp("lamps") / "images")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """The task, for as long as this module runs."""
    with pytest.MonkeyPatch.context() as patch:
        register(patch)
        # a process of its own would not know a task that only this one has entered
        patch.setattr(suite, "run_worker", lambda job, number: measure(job))
        yield


@pytest.fixture(scope="module")
def built(images: Path, registered: None) -> BuildResult:
    """Data, training phase, rule, export, gate, benchmark, bundle and report."""
    return edgefit.build(glow_recipe(images), out=images.parent / "run")


def test_it_is_built_from_images_without_labels(built: BuildResult) -> None:
    assert built.images == 15
    assert built.trained["auroc"].value == 1.0
    assert built.operating.other is not None
    assert built.operating.other["error_rate"].value == 0.0
    passed = {v.variant for v in built.variants if v.passed}
    assert passed >= {"onnxruntime/fp32", "openvino/fp32"}
    assert built.recommended.variant in passed
    for variant in built.variants:
        assert variant.metrics["auroc"].value is not None
        assert variant.worst_class is None


def test_its_bundle_states_the_task_and_a_rule_of_its_kind(built: BuildResult) -> None:
    bundle = read_bundle(built.bundle)
    assert bundle.manifest.task == GLOW
    assert isinstance(bundle.operating, GlowRule)
    assert 0.3 < bundle.operating.threshold < 0.7
    facts = json.loads((bundle.root / "manifest.json").read_text(encoding="utf-8"))
    assert facts["operating"]["kind"] == "glow"
    page = (bundle.root / "report.html").read_text(encoding="utf-8")
    assert "auroc" in page.lower()
    assert "balanced accuracy" not in page.lower()


def test_the_device_answers_with_its_prediction(built: BuildResult, images: Path) -> None:
    for variant in (v.variant for v in built.variants if v.passed):
        predictor = edgefit.load(built.bundle, variant=variant, threads=1)
        for name, expected in (("lit_000.png", "lit"), ("dark_001.png", "dark")):
            prediction = predictor.predict_file(images / name)
            assert isinstance(prediction, GlowPrediction)
            assert prediction.decision == expected


def test_sinks_write_its_columns(built: BuildResult, images: Path, tmp_path: Path) -> None:
    for suffix in ("jsonl", "csv"):
        out = tmp_path / f"answers.{suffix}"
        assert program(["predict", built.bundle, str(images), "--out", str(out), "--quiet"]) == 0
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(io.StringIO((tmp_path / "answers.csv").read_text("utf-8"))))
    assert len(lines) == len(rows) == 60
    for line, row in zip(lines, rows, strict=True):
        facts = json.loads(line)
        assert set(facts) == {
            *("index", "name", "time_s", "decision", "score", "error", "bundle", "variant")
        }
        assert facts["decision"] == row["decision"] == facts["name"].partition("_")[0]


def test_its_golden_frames_prove_the_device(built: BuildResult, capsys: Capture) -> None:
    assert program(["verify", built.bundle, "--self-test", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)["self_test"]
    assert facts["passed"]
    assert all(v["max_abs_difference"] <= 1e-3 for v in facts["variants"].values())


def test_its_prediction_is_drawn(images: Path) -> None:
    frame = decode_image(images / "lit_000.png")
    drawn = TASKS[GLOW].draw(frame, GlowPrediction(decision="lit", score=0.9))
    assert drawn.shape[0] >= frame.shape[0]
    assert not np.array_equal(drawn[: frame.shape[0]], drawn[-frame.shape[0] :])


def test_a_build_shows_its_metric_in_the_table(built: BuildResult, capsys: Capture) -> None:
    assert program(["build", built.run, "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "auroc %" in out
    assert "100.00" in out
    assert "error rate" in out


def test_a_metric_of_another_task_is_refused(built: BuildResult, capsys: Capture) -> None:
    assert program(["check", built.run, "--set", "verify.metric=accuracy"]) == 2
    assert "not a metric of glow" in capsys.readouterr().err
