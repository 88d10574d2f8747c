"""One contract, run for every task in the tables and for a toy: what the device asks of a task."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgefit.bundle import FORMAT_VERSION, BundleWriter, Manifest, Variant, describe_files
from edgefit.bundle import read_bundle as read
from edgefit.runtime.golden import write_golden
from edgefit.runtime.predictor import load
from edgefit.runtime.selftest import self_test
from edgefit.runtime.sinks import CsvSink, JsonlSink
from edgefit.runtime.sources import open_source
from edgefit.runtime.stream import StreamCounts, stream
from edgefit.runtime.tasks import TASKS
from edgefit.spec import (
    CLASSIFICATION,
    FEATURE_VECTOR,
    OUTPUTS,
    RULES,
    InputSpec,
    Task,
)
from tests.tiny_models import ORT_FP32
from tests.toy_task import (
    BRIGHTNESS,
    LABELS,
    BrightnessRule,
    enter_on_the_device,
    write_brightness_onnx,
)

SIZE, N = 16, 3
SIZES = {"N": N, "C": len(LABELS), "F": 5}


@pytest.fixture(params=[*TASKS, BRIGHTNESS])
def task(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Task:
    if request.param not in TASKS:
        enter_on_the_device(monkeypatch)
    return Task(request.param)


def outputs_of(task: Task, frames: int) -> dict[str, np.ndarray]:
    """Numbers of the shapes that the task's graph gives."""
    sizes = SIZES | {"N": frames}
    shapes = {
        output.name: [dim if isinstance(dim, int) else sizes[dim] for dim in output.dims]
        for output in (*OUTPUTS[task], FEATURE_VECTOR)
    }
    rng = np.random.default_rng(0)
    return {name: rng.random(shape, np.float32) for name, shape in shapes.items()}


class TestRuntimeTaskContract:
    def test_it_wants_outputs_that_its_graph_gives(self, task: Task) -> None:
        wanted = TASKS[task].wanted(RULES[task].plain())
        assert wanted and set(wanted) <= set(outputs_of(task, 1))

    def test_rows_and_records_fit_their_columns(self, task: Task) -> None:
        columns = TASKS[task].columns(LABELS, RULES[task].plain(), top=2)
        assert len(set(columns.names)) == len(columns.names)
        assert len(columns.cells(None)) == len(columns.names)
        json.dumps(columns.facts(None))
        assert not {"index", "name", "time_s", "error"} & {*columns.names, *columns.facts(None)}

    def test_equal_outputs_pass_and_others_do_not(self, task: Task) -> None:
        names = [output.name for output in OUTPUTS[task]]
        answers = {name: outputs_of(task, N)[name] for name in names}
        assert TASKS[task].compare(answers, answers, LABELS, ORT_FP32).passed
        other = {name: values + 0.7 for name, values in answers.items()}
        assert not TASKS[task].compare(answers, other, LABELS, ORT_FP32).passed
        broken = {name: np.full_like(values, np.nan) for name, values in answers.items()}
        assert not TASKS[task].compare(answers, broken, LABELS, ORT_FP32).passed


def write_brightness_bundle(folder: Path, rule: BrightnessRule) -> Path:
    spec = InputSpec(SIZE, SIZE)
    frames = [np.full((SIZE, SIZE, 3), grey, np.uint8) for grey in (51, 204)]
    with BundleWriter(folder) as writer:
        write_brightness_onnx(writer.folder / "onnxruntime" / "model.fp32.onnx", SIZE)
        answers = {ORT_FP32: {"brightness": np.array([0.2, 0.8], np.float32)}}
        golden = write_golden(writer.folder / "golden", frames, ["night", "day"], answers)
        files = describe_files(writer.folder, ["onnxruntime/model.fp32.onnx"])
        return writer.finish(
            Manifest(
                format_version=FORMAT_VERSION,
                status="verified",
                name="brightness",
                task=BRIGHTNESS,
                labels=list(LABELS.names),
                labels_sha256=LABELS.sha256,
                input=spec.to_dict(),
                operating=rule,
                variants=[
                    Variant(engine=ORT_FP32.engine, precision=ORT_FP32.precision, files=files)
                ],
                files=describe_files(writer.folder, [f"golden/{path.name}" for path in golden]),
            )
        )


class TestAToyOnTheDevice:
    @pytest.fixture
    def bundle(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        enter_on_the_device(monkeypatch)
        return write_brightness_bundle(tmp_path / "toy.bundle", BrightnessRule(limit=0.7))

    def test_its_rule_and_its_golden_answers_are_read_back(self, bundle: Path) -> None:
        held = read(bundle)
        assert held.operating == BrightnessRule(limit=0.7)
        result = self_test(held)
        assert result.passed and result.frames == 2

    def test_frames_go_through_it_into_sinks(self, bundle: Path, tmp_path: Path) -> None:
        predictor = load(bundle)
        lines, rows = tmp_path / "out.jsonl", tmp_path / "out.csv"
        columns = predictor.columns()
        with JsonlSink(lines, columns) as jsonl, CsvSink(rows, columns) as table:
            counts = stream(predictor, open_source(bundle / "golden"), [jsonl, table])
        assert counts == StreamCounts(answered=2, unreadable=0)
        found = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
        assert [(f["brightness"], f["decision"]) for f in found] == [(0.2, "dark"), (0.8, "bright")]
        assert rows.read_text(encoding="utf-8").splitlines()[0].split(",")[3:] == [
            "brightness",
            "decision",
            "error",
        ]

    def test_it_is_unknown_outside_this_test(self) -> None:
        assert set(TASKS) == set(OUTPUTS) == set(RULES)
        assert BRIGHTNESS not in TASKS and CLASSIFICATION in TASKS
