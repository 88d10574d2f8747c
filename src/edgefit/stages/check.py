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
from edgefit.records.record import write_json
from edgefit.run import RunFolder
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Facts, Stage, read_facts
from edgefit.train.backbones.card import input_spec

TWO_CLASS_METRICS = ("roc_auc", "average_precision")


class Check(Stage[Facts]):
    """Read, audit and split a data set, and freeze the result into the run.

    Ensures ``check/samples.csv`` (every readable image with its split and group),
    ``check/labels.json`` (the class list) and ``check/check.json`` (what was found).
    """

    NAME = "check"
    SECTIONS = ("data", "input")

    def inspect(self) -> None:
        """Read the list of images; refuse mistakes that would otherwise show after training."""
        self.source = _read(self.recipe)
        for name in self.recipe.evaluate.by:
            self.source.column_N(name)
        _require_what_later_stages_need(self.recipe, self.source)

    def holds(self) -> bool:
        """Whether the images are still those that were checked."""
        return _source_is_unchanged(self.run, self.source)

    def prepare(self) -> None:
        """Decode every image, list what is wrong, draw the splits."""
        recipe = self.recipe
        report = audit(self.source, input_spec(recipe), reporter=self.reporter)
        report = report.with_splits(assign_splits(report.table, recipe.data.split))
        if recipe.verify.metric in TWO_CLASS_METRICS and len(report.table.labels) != 2:
            raise RecipeError(
                f"{recipe.verify.metric} is a metric of two classes.",
                key="verify.metric",
                expected="accuracy, balanced_accuracy or macro_f1",
                found=f"{len(report.table.labels)} classes",
            )
        self.dropped: tuple[str, ...] = ()
        if recipe.data.leaks == "drop":
            report, self.dropped = report.without_leaks()
            require_every_class(report.table)
        self.report = report

    def work(self, *, resumable: bool) -> Facts:
        """Write the frozen table, the class list and the findings."""
        report, table = self.report, self.report.table
        notes = [_dropped_note(self.dropped)] if self.dropped else []
        table.write_csv(self.folder / SAMPLES)
        facts = report.to_dict() | {
            "root": str(table.root),
            "dropped_leaks": list(self.dropped),
            "findings": [*notes, *report.to_dict()["findings"]],
            "source_fingerprint": self.source.fingerprint(),
        }
        labels = {"labels": list(table.labels.names), "sha256": table.labels.sha256}
        write_json(self.folder / LABELS, labels)
        write_json(self.folder / REPORT, facts)
        return facts

    def result(self) -> Facts:
        """What ``check.json`` holds."""
        return read_facts(self.run, "check", REPORT)

    def outputs(self, record: Facts) -> str:
        """The fingerprint of the frozen table."""
        return str(record["fingerprint"])


def check(run: RunFolder, reporter: Reporter = QUIET) -> Facts:
    """Run the stage; see :class:`Check`.

    Returns:
        What ``check.json`` holds.

    Raises:
        DataError: The data set cannot be used; says why and what to do.
    """
    return always(Runner(run, reporter).run(Check))


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
    return bool(read_facts(run, "check", REPORT).get("source_fingerprint") == source.fingerprint())
