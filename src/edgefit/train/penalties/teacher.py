"""Learn from the predictions of a larger network that was trained on the same classes.

Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network"
(https://arxiv.org/abs/1503.02531): the student matches the teacher's softened probabilities; the
factor T^2 keeps the gradient's size when T changes. The teacher sees the same images as the
student, augmented and mixed (Beyer 2022, "A good teacher is patient and consistent",
https://arxiv.org/abs/2106.05237), but at its own size and with its own normalisation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgefit.bundle import sha256_of
from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable, examples
from edgefit.errors import DataError, RecipeError, RunError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe, TeacherConfig
from edgefit.run import RunFolder
from edgefit.shell import shell_line
from edgefit.train.assembly import load_trained
from edgefit.train.network import EdgeNetwork
from edgefit.train.penalties.frozen import Frozen
from edgefit.train.penalties.penalty import TrainingStep
from edgefit.wording import agreeing, counted

_KEY = "train.teacher.run"


class TeacherPenalty:
    """``weight * T^2 * KL(teacher || student)``; the task's own loss keeps ``1 - weight``.

    Args:
        teacher: Has the student's classes in the same order; it is copied.
        size: Width and height of the teacher's input, in pixels.
        config: Weight and temperature.
    """

    name = "teacher"
    replaces_weight_decay = False

    def __init__(self, teacher: EdgeNetwork, size: tuple[int, int], config: TeacherConfig) -> None:
        self.main_share = 1.0 - config.weight
        self.learns: list[nn.Parameter] = []
        self._config = config
        self._size_HW = (size[1], size[0])
        self._teacher = Frozen(teacher)

    def __call__(self, step: TrainingStep) -> Tensor:
        """The penalty, a scalar ``float32``."""
        temperature = self._config.temperature
        teacher_NC = torch.log_softmax(self.logits(step).float() / temperature, dim=1)
        student_NC = torch.log_softmax(step.logits_NC.float() / temperature, dim=1)
        divergence = functional.kl_div(
            student_NC, teacher_NC, reduction="batchmean", log_target=True
        )
        return self._config.weight * temperature**2 * divergence

    @torch.no_grad()
    def logits(self, step: TrainingStep) -> Tensor:
        """The teacher's logits (N, C) for the student's images.

        They are not divided by the teacher's temperature: what a student learns must not depend on
        whether its teacher was calibrated.
        """
        teacher = self._teacher.on(step.images_NCHW.device)
        levels_NCHW = step.images_NCHW * step.network.std_255 + step.network.mean_255
        if tuple(levels_NCHW.shape[-2:]) != self._size_HW:
            levels_NCHW = functional.interpolate(
                levels_NCHW, self._size_HW, mode="bilinear", antialias=True
            )
        images_NCHW = (levels_NCHW - teacher.mean_255) / teacher.std_255
        logits_NC: Tensor = teacher.head(teacher.backbone(images_NCHW))
        return logits_NC


def build_teacher(
    recipe: Recipe, config: TeacherConfig, table: SampleTable, reporter: Reporter = QUIET
) -> TeacherPenalty:
    """Load a teacher and make sure that it may teach.

    Args:
        recipe: The student's recipe; its way of resizing images is compared with the teacher's.
        config: The teacher's run, weight and temperature.
        table: The student's checked samples, with splits.
        reporter: Shows warnings.

    Raises:
        RunError: The folder does not hold a finished run.
        WeightsError: The teacher's weights are damaged.
        RecipeError: The teacher has other classes, or the same in another order.
        DataError: An image that is held out here (val or test) was in the teacher's train split.
    """
    run = RunFolder(config.run)
    try:
        teacher = load_trained(run)
        teacher_recipe, teacher_table = run.recipe(), frozen_samples(run)
    except RunError as error:
        raise RunError(
            f"The teacher cannot be used: {error.message}",
            path=error.path or config.run,
            key=_KEY,
            expected="a run whose training has ended",
            found=error.found,
            remedy=f"train it first (`{shell_line('edgefit', 'train', config.run)}`), or name "
            "another run",
        ) from error
    _require_same_labels(table, teacher_table, config)
    _require_no_leak(table, teacher_table, config)
    own, other = recipe.input, teacher_recipe.input
    if own.aspect != other.aspect:
        reporter.warn(
            f"the teacher was trained with input.aspect {other.aspect}, this recipe has "
            f"{own.aspect}: the teacher sees images of another geometry than it was trained on"
        )
    shown, learned = recipe.enlarged_in_training, teacher_recipe.enlarged_in_training
    if shown != learned:
        reporter.warn(
            f"the teacher learned from images enlarged by {learned} interpolation and now gets "
            f"images enlarged by {shown}: it may be less reliable on small images"
        )
    return TeacherPenalty(teacher, (other.width, other.height), config)


def _require_same_labels(
    table: SampleTable, teacher_table: SampleTable, config: TeacherConfig
) -> None:
    own, other = table.labels.names, teacher_table.labels.names
    if own == other:
        return
    differing = sorted(set(own) ^ set(other))
    raise RecipeError(
        "The teacher was trained on other classes."
        if differing
        else "The teacher was trained on the same classes in another order.",
        path=config.run,
        key=_KEY,
        expected=f"{counted(len(own), 'class')}: {examples(own)}",
        found=f"{counted(len(other), 'class')}: {examples(other)}",
        remedy=f"train a teacher on the classes of this data ({examples(differing)} differ)"
        if differing
        else "set data.classes to the order of the teacher",
    )


def _require_no_leak(table: SampleTable, teacher_table: SampleTable, config: TeacherConfig) -> None:
    leaks = sorted(held_out_in_training(table, teacher_table))
    if leaks:
        raise DataError(
            f"{counted(len(leaks), 'image')} held out here {agreeing(len(leaks), 'were')} in the "
            "teacher's training data: its knowledge of them would leak into the results.",
            path=config.run,
            key=_KEY,
            expected="no image of val or test in the teacher's train split",
            found=examples(leaks),
            remedy="train the teacher on the split of this run: same data, data.split and "
            "data.group",
        )


def held_out_in_training(table: SampleTable, teacher_table: SampleTable) -> Iterator[str]:
    """Paths in val or test that are, byte for byte, files of the teacher's train split.

    Files are compared by size first and hashed only if sizes agree. If a file of the teacher's data
    no longer exists, its relative path is compared instead.
    """
    training = teacher_table.of("train")
    files = {sample.path: teacher_table.absolute(sample) for sample in training.samples}
    gone = {path for path, file in files.items() if not file.is_file()}
    by_size: dict[int, list[Path]] = defaultdict(list)
    for path in files.keys() - gone:
        by_size[files[path].stat().st_size].append(files[path])

    @cache
    def hashes_of(size: int) -> set[str]:
        return {sha256_of(file) for file in by_size.get(size, [])}

    for sample in (*table.of("val").samples, *table.of("test").samples):
        file = table.absolute(sample)
        if sample.path in gone:
            yield sample.path
        elif file.is_file():
            known = hashes_of(file.stat().st_size)
            if known and sha256_of(file) in known:
                yield sample.path
