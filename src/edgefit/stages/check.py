"""The stage ``check``: from a folder or CSV to a frozen, split table of readable images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgefit.data.audit import audit
from edgefit.data.formats import read_samples
from edgefit.data.frozen import LABELS, REPORT, SAMPLES
from edgefit.data.split import assign_splits, require_every_class
from edgefit.data.table import SampleTable
from edgefit.errors import DataError, RecipeError, RunError, missing_weights
from edgefit.operating.threshold import operating_labels
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.run import RunFolder
from edgefit.spec import InputSpec

TWO_CLASS_METRICS = ("roc_auc", "average_precision")


def check(
    run: RunFolder, recipe: Recipe, spec: InputSpec, reporter: Reporter = QUIET
) -> dict[str, Any]:
    """Read, audit and split a data set, and freeze the result into the run.

    Ensures ``check/samples.csv`` (every readable image with its split and group),
    ``check/labels.json`` (the class list) and ``check/check.json`` (what was found).

    Returns:
        What ``check.json`` holds.

    Raises:
        DataError: The data set cannot be used; says why and what to do.
    """
    if recipe.data.root is None:
        raise DataError(
            "No data set is named.",
            key="data.root",
            expected="a folder with one folder of images a class, or a CSV file",
            remedy="give it with --data FOLDER",
        )
    source = _read(recipe)
    for name in recipe.evaluate.by:  # better said now than after training
        source.column_N(name)
    _require_what_later_stages_need(recipe, source)
    if run.is_done("check", recipe) and _source_is_unchanged(run, source):
        reporter.say("[dim]check: already done with these inputs[/]")
        return run.read_json("check", REPORT)
    run.begin("check", recipe)
    report = audit(source, spec, reporter=reporter)
    report = report.with_splits(assign_splits(report.table, recipe.data.split))
    if recipe.verify.metric in TWO_CLASS_METRICS and len(report.table.labels) != 2:
        raise RecipeError(
            f"{recipe.verify.metric} is a metric of two classes.",
            key="verify.metric",
            expected="accuracy, balanced_accuracy or macro_f1",
            found=f"{len(report.table.labels)} classes",
        )
    dropped: tuple[str, ...] = ()
    if recipe.data.leaks == "drop":
        report, dropped = report.without_leaks()
        require_every_class(report.table)
    notes = [_dropped_note(dropped)] if dropped else []
    folder = run.stage_dir("check")
    report.table.write_csv(folder / SAMPLES)
    facts = report.to_dict() | {
        "root": str(report.table.root),
        "dropped_leaks": list(dropped),
        "findings": [*notes, *report.to_dict()["findings"]],
        "source_fingerprint": source.fingerprint(),
    }
    labels = {"labels": list(report.table.labels.names), "sha256": report.table.labels.sha256}
    run.write_json("check", LABELS, labels)
    run.write_json("check", REPORT, facts)
    run.mark_done("check", recipe, outputs=facts["fingerprint"])
    return facts


def _require_what_later_stages_need(recipe: Recipe, source: SampleTable) -> None:
    """Mistakes that would otherwise be told after training."""
    if recipe.operating.good is not None:
        operating_labels(source.labels, recipe.operating.good)
    weights = recipe.model.weights
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise missing_weights(Path(weights))
    general = recipe.retention.general
    if general is not None and not general.is_dir():
        raise DataError(
            "The folder of general images does not exist.",
            path=general,
            key="retention.general",
            expected="a folder with one folder of images a class",
            found="a file" if general.exists() else "nothing",
            remedy="correct the path, or leave the key out",
        )
    teacher = recipe.train.teacher
    if teacher is not None and not (teacher.run / "train" / "best.safetensors").is_file():
        raise RunError(
            "The teacher has not been trained.",
            path=teacher.run,
            key="train.teacher.run",
            expected="a run folder whose stage `train` ended",
            remedy=f"run `edgefit train {teacher.run}` first, or correct the path",
        )


def _read(recipe: Recipe) -> SampleTable:
    assert recipe.data.root is not None
    if not recipe.data.root.exists():
        raise DataError(
            "The data set does not exist.",
            path=recipe.data.root,
            expected="a folder with one folder of images a class, or a CSV file",
            remedy="check the path given with --data",
        )
    return read_samples(recipe.data.root, recipe.data)


def _dropped_note(paths: tuple[str, ...]) -> dict[str, Any]:
    message = (
        f"{len(paths)} images are left out of train or val because the same picture, pixel for "
        "pixel, is held out (data.leaks: keep leaves them in)."
    )
    return {"level": "warning", "code": "leaks-dropped", "message": message, "paths": list(paths)}


def _source_is_unchanged(run: RunFolder, source: SampleTable) -> bool:
    return bool(run.read_json("check", REPORT).get("source_fingerprint") == source.fingerprint())
