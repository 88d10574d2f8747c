"""``build``: every stage in order, each skipped where its inputs have not changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgefit.data.table import examples
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.recipe.resolving import resolve
from edgefit.run import RunFolder
from edgefit.stages.benchmark import benchmark_run
from edgefit.stages.bundle import bundle_run
from edgefit.stages.calibrate import calibrate
from edgefit.stages.check import check
from edgefit.stages.evaluate import evaluate
from edgefit.stages.export import export
from edgefit.stages.retention import retention
from edgefit.stages.train import train
from edgefit.stages.verify import require, verify
from edgefit.train.assembly import input_spec
from edgefit.train.distributed import require_one_process
from edgefit.train.preconditions import require_devices


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
    run = RunFolder(out if out is not None else Path("runs") / resolved.name)
    run.start(resolved)
    return run_stages(run, reporter)


def run_stages(run: RunFolder, reporter: Reporter = QUIET) -> dict[str, Any]:
    """Every stage of a run that holds its recipe; returns and raises what :func:`build` does."""
    recipe = run.recipe()
    require_devices(run)
    seconds: dict[str, float] = {}
    stages: dict[str, Callable[[], Any]] = {
        "check": lambda: tell_findings(check(run, recipe, input_spec(recipe), reporter), reporter),
        "train": lambda: train(run, reporter),
        "calibrate": lambda: calibrate(run, reporter),
        "retention": lambda: retention(run, reporter),
        "evaluate": lambda: evaluate(run, reporter),
        "export": lambda: export(run, reporter),
        "verify": lambda: require(verify(run, reporter), recipe.verify),
        "benchmark": lambda: benchmark_run(run, reporter),
        "bundle": lambda: bundle_run(run, reporter),
    }
    if recipe.retention.general is None:
        del stages["retention"]
    for number, (name, stage) in enumerate(stages.items(), start=1):
        reporter.say(f"[bold]{number}/{len(stages)} {name}[/]")
        started = time.monotonic()
        stage()
        seconds[name] = round(time.monotonic() - started, 1)
    return summarise_build(run, seconds)


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
