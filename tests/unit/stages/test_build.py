"""``build``: every stage in order, what it tells, and what it ends with."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgefit.errors import GateError, InputError
from edgefit.progress import Reporter
from edgefit.recipe import make_recipe
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.check import CheckRecord, Finding
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.passed_over import PassedOverFiles
from edgefit.records.train import TrainRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.stages import build as module
from edgefit.stages.build import STAGES, build, run_stages, summarise_build, tell_findings
from edgefit.stages.runner import Runner
from tests.unit.report.finished_run import write_run

NAMES = [stage.NAME for stage in STAGES]
RECORDS: dict[str, Any] = {
    "check": CheckRecord,
    "train": TrainRecord,
    "evaluate": EvaluateRecord,
    "verify": VerifyRecord,
    "benchmark": BenchmarkRecord,
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with every file that stages leave."""
    return write_run(tmp_path / "run").run


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that are run, in order; each finds what lies in the run folder."""
    names: list[str] = []

    def read(self: Runner, stage: Any) -> Any:
        names.append(stage.NAME)
        kind = RECORDS.get(stage.NAME)
        return "done" if kind is None else kind.read(self.folder.root)

    monkeypatch.setattr(Runner, "run", read)
    return names


def test_stages_run_in_order_and_retention_only_where_it_is_asked_for(
    run: RunFolder, ran: list[str], tmp_path: Path
) -> None:
    result = run_stages(run)
    assert ran == [name for name in NAMES if name != "retention"]
    assert result is not None and list(result.seconds) == ran
    ran.clear()
    asked = RunFolder(run.root, make_recipe({"name": "x", "retention": {"general": str(tmp_path)}}))
    run_stages(asked)
    assert ran == NAMES


def test_no_stage_comes_before_one_that_it_needs() -> None:
    for position, stage in enumerate(STAGES):
        assert all(STAGES.index(earlier) < position for earlier in stage.REQUIRES)


def test_a_process_that_only_trains_goes_no_further(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def none_after_training(self: Runner, stage: Any) -> Any:
        names.append(stage.NAME)
        return None if stage.NAME == "train" else CheckRecord.read(self.folder.root)

    monkeypatch.setattr(Runner, "run", none_after_training)
    assert run_stages(run) is None
    assert names == ["check", "train"]
    with pytest.raises(SystemExit) as ended:
        build(run.recipe(), out=run.root)
    assert ended.value.code == 0


def test_a_gate_that_fails_ends_the_build(run: RunFolder, ran: list[str]) -> None:
    record = VerifyRecord.read(run.root)
    failed = {"openvino/fp32": ("it drops",)}
    record.model_copy(update={"passed": (), "failed": failed}).write(run.root)
    with pytest.raises(GateError, match="it drops"):
        run_stages(run)
    assert ran[-1] == "verify"


def test_the_result_is_what_the_stages_found(run: RunFolder) -> None:
    result = summarise_build(run, {"check": 1.5})
    evaluated, verified = EvaluateRecord.read(run.root), VerifyRecord.read(run.root)
    measured = BenchmarkRecord.read(run.root)
    assert (result.run, result.bundle) == (str(run.root), str(run.root / "bundle"))
    assert result.seconds == {"check": 1.5}
    assert result.trained == evaluated.metrics
    assert result.recommended == measured.recommendation
    assert result.training_seconds == TrainRecord.read(run.root).training_seconds
    assert [v.variant for v in result.variants] == [v.variant for v in verified.variants]


def test_findings_that_matter_are_told() -> None:
    console = Console(file=StringIO(), width=300)
    findings = [
        Finding(level="error", code="leak", message="Pixels are in two splits.", paths=("a", "b")),
        Finding(level="warning", code="few", message="Few images."),
        Finding(level="info", code="grey", message="All images are grey."),
    ]
    passed_over = PassedOverFiles(reason="hidden", suffix=".[b]", files=2, example="._a.jpg")
    checked = CheckRecord.model_construct(findings=tuple(findings), passed_over=(passed_over,))
    tell_findings(checked, Reporter(console=console))
    told = console.file.getvalue()
    assert "Pixels are in two splits. (a, b)" in told
    assert "Few images." in told
    assert "grey" not in told
    assert "2 files passed over (hidden: 2 .[b])" in told


def test_several_processes_are_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match=r"A build .* one process"):
        build(make_recipe({"name": "x"}), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_machine_that_cannot_train_is_told_before_the_data_are_read(
    tmp_path: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks(recipe: object, folder: Path) -> None:
        raise InputError("No such device.")

    monkeypatch.setattr("edgefit.train.preconditions.require_devices", lacks)
    with pytest.raises(InputError, match="No such device"):
        module.run_stages(RunFolder(tmp_path / "run", make_recipe({"name": "x"})))
    assert ran == []
