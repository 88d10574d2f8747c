"""``build``: every stage in order, each skipped if its inputs have not changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from edgefit.data.passed_over import in_words
from edgefit.data.table import examples
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.benchmark import BenchmarkRecord
from edgefit.records.build import BuildResult
from edgefit.records.check import CheckRecord
from edgefit.records.evaluate import EvaluateRecord
from edgefit.records.retention import RetentionRecord
from edgefit.records.train import TrainRecord
from edgefit.records.verify import VerifyRecord
from edgefit.run import RunFolder
from edgefit.stages.benchmark import Benchmark
from edgefit.stages.bundle import BundleStage
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from edgefit.stages.evaluate import Evaluate
from edgefit.stages.export import Export
from edgefit.stages.opening import open_run
from edgefit.stages.retention import Retention
from edgefit.stages.runner import Runner
from edgefit.stages.stage import Stage, require_packages
from edgefit.stages.train import Train
from edgefit.stages.verify import Verify, require
from edgefit.train.distributed import require_one_process


def build(
    recipe: str | Path | Recipe,
    *,
    data: str | Path | None = None,
    weights: str | None = None,
    out: str | Path | None = None,
    overrides: Sequence[str] = (),
    reporter: Reporter = QUIET,
) -> BuildResult:
    """From a folder of labelled images to a verified, quantized, benchmarked bundle.

    Args:
        recipe: A recipe, the path of one, or a run folder, whose build is resumed.
        data: Folder or CSV of labelled images; replaces ``data.root``.
        weights: ``imagenet``, ``none`` or a file; replaces ``model.weights``.
        out: The run folder; ``runs/NAME`` by default. Stages that finished there with the
            same inputs do not run again.
        overrides: ``key=value`` strings, as for ``--set``.
        reporter: Where progress goes.

    Returns:
        Where the bundle is, the recommended variant, and the figures of every variant.

    Raises:
        EdgefitError: A stage failed; the message names the file and a remedy.
        GateError: Required variants did not pass the gate.
    """
    require_one_process()
    run = open_run(recipe, data=data, weights=weights, out=out, overrides=overrides)
    result = run_stages(run, reporter)
    if result is None:
        # lightning restarts the whole program for each further device; only the first continues
        sys.exit(0)
    return result


STAGES: tuple[type[Stage[Any]], ...] = (
    Check,
    Train,
    Calibrate,
    Retention,
    Evaluate,
    Export,
    Verify,
    Benchmark,
    BundleStage,
)
"""Every stage of a build, in order."""


def run_stages(run: RunFolder, reporter: Reporter = QUIET) -> BuildResult | None:
    """Run every stage of a run; raises the same errors as :func:`build`.

    Returns:
        The same as :func:`build`; None in a process that was started for a further device, whose
        work ends with training.
    """
    recipe = run.recipe()
    require_packages("workshop")
    runner = Runner(run, reporter)
    require_trainable_here(runner)
    seconds: dict[str, float] = {}
    stages = [s for s in STAGES if s is not Retention or recipe.retention.general is not None]
    for number, stage in enumerate(stages, start=1):
        reporter.say(f"[bold]{number}/{len(stages)} {stage.NAME}[/]")
        started = time.monotonic()
        record = runner.run(stage)
        if record is None:
            return None
        if stage is Check:
            tell_findings(record, reporter)
        if stage is Verify:
            require(record, recipe.verify)
        if isinstance(record, RetentionRecord) and record.general.passed_over:
            reporter.say(f"general images: {escape(in_words(record.general.passed_over))}")
        seconds[stage.NAME] = round(time.monotonic() - started, 1)
    runner.keep_recipe()
    return summarise_build(run, seconds)


def require_trainable_here(runner: Runner) -> None:
    """Refuse a recipe that this machine cannot train, unless training is already done.

    Raises:
        RecipeError: The machine lacks a device or a precision.
    """
    if not runner.is_done(Train):
        from edgefit.train.preconditions import require_devices

        require_devices(runner.folder.recipe(), runner.folder.root)


def tell_findings(checked: CheckRecord, reporter: Reporter) -> None:
    """Report findings that falsify figures or cost accuracy; ``check.json`` lists all of them."""
    for finding in checked.findings:
        if finding.level != "info":
            concerned = f" ({examples(finding.paths)})" if finding.paths else ""
            reporter.warn(finding.message + concerned)
    if checked.passed_over:
        reporter.say(escape(in_words(checked.passed_over)))


def summarise_build(run: RunFolder, seconds: dict[str, float]) -> BuildResult:
    """The result of a finished build."""
    return BuildResult.of(
        str(run.root),
        str(run.root / BundleStage.NAME),
        EvaluateRecord.read(run.root),
        VerifyRecord.read(run.root),
        BenchmarkRecord.read(run.root),
        training_seconds=TrainRecord.read(run.root).training_seconds,
        seconds=seconds,
    )
