"""The stage ``benchmark``: what passed is measured as the recipe asks, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from edgefit.errors import GateError
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.stages import benchmark as stage
from edgefit.stages.benchmark import benchmark_run
from tests.stamps import is_done, mark_done
from tests.trained_run import again
from tests.unit.report.finished_run import write_run


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run whose gate passed, as far as its files and stamps go."""
    run = write_run(tmp_path / "run", overrides=["benchmark.seconds=0.25"]).run
    for name in ("check", "train", "calibrate", "evaluate", "export", "verify"):
        mark_done(run, name, name)
    return run


@pytest.fixture
def asked(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the suite is asked for, instead of the measurement."""
    calls: list[dict[str, Any]] = []
    record = BenchmarkRecord.read(run.root)

    def measured(folder: Path, **options: Any) -> BenchmarkRecord:
        calls.append({"folder": folder, **options})
        return record

    monkeypatch.setattr(stage, "benchmark", measured)
    shutil.rmtree(run.root / "benchmark")
    return calls


def test_the_variants_that_passed_are_measured_as_the_recipe_asks(
    run: RunFolder, asked: list[dict[str, Any]]
) -> None:
    passed = VerifyRecord.read(run.root).passed
    record = benchmark_run(run)
    (call,) = asked
    assert call["folder"] == run.root / "export"
    assert [str(key) for key in call["variants"]] == list(passed)
    config = run.recipe().benchmark
    assert call["seconds"] == config.seconds == 0.25
    assert (call["rounds"], call["threads"]) == (config.rounds, config.threads)
    assert record == BenchmarkRecord.read(run.root)


def test_a_second_call_measures_nothing_until_the_settings_change(
    run: RunFolder, asked: list[dict[str, Any]]
) -> None:
    before = run.recipe().benchmark.rounds
    first = benchmark_run(run)
    assert benchmark_run(run) == first
    assert len(asked) == 1
    again(run, ["benchmark.rounds=7"])
    benchmark_run(run)
    assert [call["rounds"] for call in asked] == [before, 7]


def test_nothing_is_measured_where_a_required_variant_failed(
    run: RunFolder, asked: list[dict[str, Any]]
) -> None:
    facts = VerifyRecord.read(run.root).model_copy(
        update={"passed": (), "failed": {"openvino/fp32": ("it drops",)}}
    )
    facts.write(run.root)
    with pytest.raises(GateError, match="it drops"):
        benchmark_run(run)
    assert asked == []
    assert not is_done(run, "benchmark")
