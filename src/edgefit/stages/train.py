"""The stage ``train``: fine-tune on a checked data set and keep the best weights."""

from __future__ import annotations

from pathlib import Path

from edgefit.bundle import sha256_of
from edgefit.data.frozen import frozen_samples
from edgefit.errors import RunError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.train import TrainRecord
from edgefit.run import RunFolder
from edgefit.shell import shell_line
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner
from edgefit.stages.stage import InputFiles, Stage
from edgefit.train.distributed import first_process_first, is_first_process
from edgefit.train.weight_files import BEST


class Train(Stage[TrainRecord]):
    """Fine-tune, or resume an interrupted fine-tuning.

    Ensures ``train/best.safetensors``, ``log.csv`` and ``train.json``.
    """

    NAME = "train"
    SECTIONS = ("input", "model", "train", "task")
    REQUIRES = (Check,)
    NOT_PART_OF_THE_RESULT = ("train.cache_mb", "train.workers")
    SEVERAL_PROCESSES = True

    @classmethod
    def further_inputs(cls, run: RunFolder, recipe: Recipe, files: InputFiles) -> list[str]:
        """Pretrained weights, an augmentation file, the teacher, general images to replay."""
        start = recipe.model.start.file
        named = [*([start] if start else []), Path(recipe.train.augment)]
        if recipe.train.teacher:
            named.append(recipe.train.teacher.run / cls.NAME / BEST)
        hashes = [files.file(path) for path in named if path.is_file()]
        general = recipe.retention.general
        replays = recipe.train.keep.replay > 0 and general is not None
        return hashes + ([files.folder(general)] if replays and general else [])

    def holds(self) -> bool:
        """Whether the weights are still there."""
        return (self.folder / BEST).is_file()

    def prepare(self) -> None:
        """Build the network; refuse settings that cannot be trained."""
        from edgefit.train.run_training import prepare

        if self.recipe.train.teacher is not None and self.recipe.train.mode != "probe":
            _require_current(self.recipe.train.teacher.run)
        table = frozen_samples(self.run)
        self.prepared = prepare(self.recipe, table, self.folder, self.reporter)

    def work(self, *, resumable: bool) -> TrainRecord | None:
        """Train; None in a process that is not the first."""
        from edgefit.train.run_training import remove_leftovers, run_training

        with first_process_first():
            if is_first_process() and not resumable:
                remove_leftovers(self.folder, self.reporter)
        record = run_training(self.recipe, self.prepared, self.folder, self.reporter)
        if record is not None:
            record.write(self.run.root)
        return record

    def result(self) -> TrainRecord:
        """The record in ``train.json``."""
        return TrainRecord.read(self.run.root)

    def outputs(self, record: TrainRecord) -> str:
        """Hash of the kept weights."""
        return sha256_of(self.folder / BEST)


def train(run: RunFolder, reporter: Reporter = QUIET) -> TrainRecord | None:
    """Run the stage; see :class:`Train`.

    Returns:
        The record in ``train.json``; None in a training process that is not the first.

    Raises:
        RunError: ``check`` has not finished in this run, or a checkpoint is damaged.
        WeightsError: The pretrained weights cannot be used.
        StageError: The loss is not a number, or explodes.
    """
    return Runner(run, reporter).run_last(Train)


def _require_current(teacher: Path) -> None:
    """A teacher whose data were split anew may have learned from images that are held out here."""
    try:
        Runner(RunFolder(teacher)).require(Check, Train)
    except RunError as error:
        raise RunError(
            f"The teacher cannot be used: {error.message}",
            path=error.path or teacher,
            key="train.teacher.run",
            expected="a run whose training has finished with the current inputs",
            found=error.found,
            remedy=f"train it first (`{shell_line('edgefit', 'train', teacher)}`), or name another "
            "run",
        ) from error
