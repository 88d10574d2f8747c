"""The stage ``check``: turn a folder or CSV into a frozen, split table of readable images."""

from __future__ import annotations

from edgefit.data.audit import audit
from edgefit.data.formats import read_samples
from edgefit.data.frozen import freeze, frozen_samples
from edgefit.data.split import assign_splits, require_every_class
from edgefit.data.table import SampleTable
from edgefit.data.tasks import TASKS, DataTask
from edgefit.errors import DataError, RunError, missing_weights
from edgefit.metrics.tasks import TASKS as METRICS_TASKS
from edgefit.operating.tasks import TASKS as OPERATING_TASKS
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.check import CheckRecord
from edgefit.run import RunFolder
from edgefit.shell import shell_line
from edgefit.stages.runner import Runner, always
from edgefit.stages.stage import Stage
from edgefit.train.backbones.card import input_spec
from edgefit.train.weight_files import BEST


class Check(Stage[CheckRecord]):
    """Read, audit and split a data set, and freeze the result into the run.

    Ensures ``check/samples.csv`` (every readable image with its split and group),
    ``check/labels.json`` (the class list) and ``check/check.json`` (the findings).
    """

    NAME = "check"
    SECTIONS = ("data", "input")

    def inspect(self) -> None:
        """Read the list of images; refuse mistakes that would otherwise surface after training."""
        self.source = _read(self.run, self.recipe, TASKS[self.recipe.task])
        for name in self.recipe.evaluate.by:
            self.source.column_N(name)
        _require_what_later_stages_need(self.recipe, self.source)

    def holds(self) -> bool:
        """Whether the data set has not changed since the check, and the table can be read."""
        frozen_samples(self.run)
        return self.result().source_fingerprint == self.source.fingerprint()

    def prepare(self) -> None:
        """Decode every image, list what is wrong, draw the splits."""
        recipe, task = self.recipe, TASKS[self.recipe.task]
        report = audit(self.source, input_spec(recipe), reporter=self.reporter)
        report = report.with_splits(assign_splits(report.table, recipe.data.split, task))
        self.dropped: tuple[str, ...] = ()
        if recipe.data.leaks == "drop":
            report, self.dropped = report.without_leaks()
            require_every_class(report.table, task)
        self.report = report

    def work(self, *, resumable: bool) -> CheckRecord:
        """Write the frozen table, the class list and the findings."""
        record = self.report.to_record(self.source, self.dropped)
        freeze(self.report.table, self.run)
        record.write(self.run.root)
        return record

    def result(self) -> CheckRecord:
        """The record in ``check.json``."""
        return CheckRecord.read(self.run.root)

    def outputs(self, record: CheckRecord) -> str:
        """The fingerprint of the frozen table."""
        return record.fingerprint


def check(run: RunFolder, reporter: Reporter = QUIET) -> CheckRecord:
    """Run the stage; see :class:`Check`.

    Returns:
        The record in ``check.json``.

    Raises:
        DataError: The data set cannot be used; the message says why and what to do.
    """
    return always(Runner(run, reporter).run_last(Check))


def _require_what_later_stages_need(recipe: Recipe, source: SampleTable) -> None:
    """Report now what would otherwise fail after the audit, or after training."""
    METRICS_TASKS[recipe.task].check(recipe.verify.metric, source.labels)
    OPERATING_TASKS[recipe.task].check(recipe.operating, source.labels)
    weights = recipe.model.start.file
    if weights is not None and not weights.is_file():
        raise missing_weights(weights)
    general = recipe.retention.general
    if general is not None and not general.is_dir():
        raise DataError(
            "The folder of general images does not exist.",
            path=general,
            key="retention.general",
            expected="a folder with one subfolder of images per class",
            found="a file" if general.exists() else "nothing",
            remedy="correct the path, or remove the key",
        )
    teacher = recipe.train.teacher
    if teacher is not None and not (teacher.run / "train" / BEST).is_file():
        raise RunError(
            "The teacher has not been trained.",
            path=teacher.run,
            key="train.teacher.run",
            expected="a run folder in which `train` has finished",
            remedy=f"run `{shell_line('edgefit', 'train', teacher.run)}` first, or correct the "
            "path",
        )


def _read(run: RunFolder, recipe: Recipe, task: DataTask) -> SampleTable:
    if recipe.data.root is None:
        raise DataError(
            "The recipe names no data set.",
            key="data.root",
            expected="a folder with one subfolder of images per class, or a CSV file",
            remedy="name one with --data FOLDER",
        )
    if not recipe.data.root.exists():
        raise DataError(
            "The data set does not exist.",
            path=recipe.data.root,
            expected="a folder with one subfolder of images per class, or a CSV file",
            remedy="check the path given with --data",
        )
    if recipe.data.root.is_dir() and run.root.resolve().is_relative_to(recipe.data.root.resolve()):
        raise RunError(
            "The run folder is inside the folder of images.",
            path=run.root,
            expected="a folder outside the data set, whose subfolders are its classes",
            remedy="give another folder for the run with --out",
        )
    return read_samples(recipe.data.root, recipe.data, task.needs_labels)
