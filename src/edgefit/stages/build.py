"""``build``: every stage in order, each skipped where its inputs have not changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgefit.data.table import examples
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.recipe.resolving import resolve
from edgefit.run import RunFolder
from edgefit.stages.benchmark import Benchmark
from edgefit.stages.bundle import BundleStage
from edgefit.stages.calibrate import Calibrate
from edgefit.stages.check import Check
from edgefit.stages.evaluate import Evaluate
from edgefit.stages.export import Export
from edgefit.stages.retention import Retention
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
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
) -> dict[str, Any]:
    """From a folder of labelled images to a verified, quantized, benchmarked bundle.

    Args:
        recipe: A recipe, or the path of one.
        data: Folder or CSV of labelled images; stands in for ``data.root``.
        weights: ``imagenet``, ``none`` or a file; stands in for ``model.weights``.
        out: The run folder; ``runs/NAME`` by default. Stages that ended there with the same
            inputs are not run again.
        overrides: ``key=value`` texts, as ``--set`` takes them.
        reporter: Where progress goes.

    Returns:
        A summary: ``bundle`` (its path), ``recommended``, ``variants``, ``seconds`` by stage.

    Raises:
        EdgefitError: A stage could not do its work; names the stage's file and the way out.
        GateError: Required variants did not pass the gate.
    """
    require_one_process()
    resolved = resolve(recipe, data=data, weights=weights, overrides=overrides)
    folder = out if out is not None else Path("runs") / resolved.name
    return run_stages(RunFolder(folder, resolved), reporter)


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


def run_stages(run: RunFolder, reporter: Reporter = QUIET) -> dict[str, Any]:
    """Every stage of a run; returns and raises what :func:`build` does."""
    recipe = run.recipe()
    runner = Runner(run, reporter)
    require_trainable_here(runner)
    seconds: dict[str, float] = {}
    stages = [s for s in STAGES if s is not Retention or recipe.retention.general is not None]
    for number, stage in enumerate(stages, start=1):
        reporter.say(f"[bold]{number}/{len(stages)} {stage.NAME}[/]")
        started = time.monotonic()
        record = always(runner.run(stage))
        if stage is Check:
            tell_findings(record, reporter)
        if stage is Verify:
            require(record, recipe.verify)
        seconds[stage.NAME] = round(time.monotonic() - started, 1)
    return summarise_build(run, seconds)


def require_trainable_here(runner: Runner) -> None:
    """Refuse what this machine cannot train with, where training is still to be done.

    Raises:
        RecipeError: It lacks a device, or a precision.
    """
    if not runner.is_done(Train):
        from edgefit.train.preconditions import require_devices

        require_devices(runner.folder.recipe(), runner.folder.root)


def tell_findings(checked: dict[str, Any], reporter: Reporter) -> None:
    """What the check found that makes figures wrong or costs accuracy; all of it is in its file."""
    for finding in checked["findings"]:
        if finding["level"] != "info":
            concerned = f" ({examples(finding['paths'])})" if finding["paths"] else ""
            reporter.warn(finding["message"] + concerned)


def summarise_build(run: RunFolder, seconds: dict[str, float]) -> dict[str, Any]:
    """What a build ends with, JSON-ready."""
    verified = run.read_json("verify", "verify.json")
    measured = run.read_json("benchmark", "benchmark.json")
    evaluation = run.read_json("evaluate", "evaluation.json")
    figures = {e["variant"]: e for e in measured["variants"] if e["error"] is None}
    return {
        "run": str(run.root),
        "bundle": str(run.root / "bundle"),
        "recommended": measured["recommendation"],
        "images": evaluation["images"],
        "trained": evaluation["metrics"],
        "worst_class": evaluation["worst_class"],
        "worst_group": evaluation["worst_group"],
        "operating": evaluation["operating"],
        "variants": [
            {
                "variant": entry["variant"],
                "passed": entry["passed"],
                "reasons": entry["reasons"],
                "metrics": entry["metrics"],
                "worst_class": entry["worst_class"],
                "worst_group": entry["worst_group"],
                "operating": entry["operating"],
                "warnings": entry["warnings"],
                "benchmark": _without_samples(figures.get(entry["variant"])),
            }
            for entry in verified["variants"]
        ],
        "training_seconds": run.read_json("train", "train.json")["training_seconds"],
        "seconds": seconds,
    }


def _without_samples(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    return entry and {name: value for name, value in entry.items() if name != "rounds"}
