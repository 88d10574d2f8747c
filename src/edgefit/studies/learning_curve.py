"""Learning curves: held-out accuracy by number of training images, fine-tuned and from scratch.

Each point is a run of its own (see :mod:`edgefit.studies.subruns`) on a part of the training
images, measured on the same test images. At each point both arms take the same optimiser steps,
without early stopping, and keep the best epoch on validation. The last two points, compared on the
same test images, show whether more images would help.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from edgefit.data.frozen import frozen_samples
from edgefit.data.table import SampleTable
from edgefit.errors import InputError
from edgefit.progress import QUIET, Reporter
from edgefit.recipe import Recipe
from edgefit.records.check import CheckRecord
from edgefit.records.comparison import Gain
from edgefit.records.learning_curve import (
    Advantage,
    CurvePoint,
    CurveStep,
    LearningCurveRecord,
)
from edgefit.run import RunFolder
from edgefit.spec.weights import NOTHING
from edgefit.stages.check import Check
from edgefit.stages.runner import Runner
from edgefit.studies.drawings import draw_learning_curve
from edgefit.studies.subruns import (
    Measured,
    changed,
    comparable,
    held_out,
    paired_gain,
    start_subrun,
    train_and_measure,
)
from edgefit.studies.subsample import subsample
from edgefit.wording import counted

FOLDER = LearningCurveRecord.STAGE
FINE_TUNED, SCRATCH = "finetune", "scratch"
DEFAULT_PERCENTS = (5.0, 10.0, 25.0, 50.0, 100.0)
MOST_TIMES_THE_EPOCHS = 4.0
SCRATCH_RATE = 2e-3
"""Lowest peak rate of the arm from random weights; the rates of fine-tuning are too low for it."""
LITTLE = 0.005
"""Below this gain, on the metric's scale of 0 to 1, more images help little."""

_FROM_NOTHING: dict[str, object] = {
    "model.weights": NOTHING,
    "train.mode": "full",
    "train.freeze_stages": 0,
    "train.batch_norm": "learned",
    "train.layer_decay": 1.0,
    "train.interpolation.points": 0,
    "train.keep.l2_sp": 0.0,
    "train.keep.distill": 0.0,
    "train.keep.replay": 0.0,
    "train.teacher": None,
}


@dataclass(frozen=True)
class CurveConfig:
    """What a learning curve varies.

    Attributes:
        percents: Shares of the training images, each above 0 and at most 100.
        against_scratch: Train each point from random weights too.
        epochs_scale: Exponent of the epochs rule, 0 to 1: at a fraction f a training takes
            ``ceil(epochs * min(1 / f, 4) ** epochs_scale)`` epochs. 0 takes the recipe's epochs
            everywhere; 1 takes as many steps as with all images, up to 4 times the epochs.
        seed: Decides which images the smaller sets hold.
    """

    percents: Sequence[float] = DEFAULT_PERCENTS
    against_scratch: bool = False
    epochs_scale: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.percents or not all(0 < p <= 100 for p in self.percents):
            raise InputError(
                "The fractions of a learning curve must be percentages of the training images.",
                key="--fractions",
                expected="numbers above 0 and at most 100, e.g. 5,10,25,50,100",
                found=list(self.percents),
            )
        if not 0 <= self.epochs_scale <= 1:
            raise InputError(
                "The exponent of the epochs rule is out of range.",
                key="--epochs-scale",
                expected="0 (the same epochs everywhere) to 1 (the same steps)",
                found=self.epochs_scale,
            )
        object.__setattr__(self, "percents", tuple(sorted(set(self.percents))))

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""
        return (FINE_TUNED, SCRATCH) if self.against_scratch else (FINE_TUNED,)


@dataclass(frozen=True)
class _Point:
    arm: str
    percent: float
    images: int
    groups: int
    epochs: int
    measured: Measured = field(repr=False)

    def to_part(self) -> CurvePoint:
        """As the record holds it."""
        return CurvePoint(
            arm=self.arm,
            percent=self.percent,
            images=self.images,
            groups=self.groups,
            epochs=self.epochs,
            training_seconds=self.measured.training_seconds,
            metrics=self.measured.metrics,
            worst_class=self.measured.worst_class,
        )


def learning_curve(
    run: RunFolder,
    config: CurveConfig | None = None,
    reporter: Reporter = QUIET,
    *,
    recipe: Recipe | None = None,
) -> LearningCurveRecord:
    """Train on growing parts of a run's training images and measure each on its test images.

    Requires the stage ``check``. Writes ``learning-curve/learning-curve.json`` and the drawing
    beside it, ``learning-curve.svg`` and ``.png``. Finished points are not trained again.

    Args:
        run: The run whose data and recipe all points share.
        config: What is varied.
        reporter: Shows the progress.
        recipe: Replaces the run's recipe, say to change the learning rate.

    Returns:
        What ``learning-curve.json`` holds: ``metric``, ``rule`` (in words), ``points``, ``step``
        (the paired gain between the last two points), ``advantage`` (the paired gain of
        fine-tuning over training from scratch at each fraction) and ``conclusion``.

    Raises:
        RunError: ``check`` has not finished here.
        InputError: The options are out of range.
        StageError: A training failed; the points before it are kept.
    """
    config = config or CurveConfig()
    recipe = recipe or run.recipe()
    Runner(run).require(Check)
    table = frozen_samples(run)
    points = [
        _measure(run, recipe, table, arm, percent, config, reporter)
        for percent in config.percents
        for arm in config.arms
    ]
    record = _record(run, recipe, points, config)
    drawings = draw_learning_curve(run.stage_dir(FOLDER), record)
    record = record.model_copy(update={"drawings": tuple(drawings)})
    record.write(run.root)
    return record


def epochs_at(fraction: float, epochs: int, scale: float) -> int:
    """Epochs that a training on a fraction of the images takes; see :class:`CurveConfig`."""
    # up to a millionth above a whole number is rounding in the power, not another epoch
    times: float = min(1 / fraction, MOST_TIMES_THE_EPOCHS) ** scale
    return math.ceil(epochs * times - 1e-6)


def recipe_of(recipe: Recipe, arm: str, epochs: int) -> Recipe:
    """The recipe of one arm: the run's own, or the same from random weights.

    The arm from random weights gets what such a training needs (every layer at the full rate,
    batch norms that learn) and loses the settings that only make sense with pretrained weights.
    Every arm runs to its end and keeps its best epoch, whatever the recipe says: the choice within
    an error depends on how much the last epochs vary, which differs from arm to arm.
    """
    fair = changed(
        comparable(recipe),
        {
            "train.epochs": epochs,
            "train.early_stopping.patience": 0,
            "train.keep_epoch": "best",
        },
    )
    if arm != SCRATCH:
        return fair
    rate = max(recipe.train.learning_rate, SCRATCH_RATE)
    return changed(fair, {**_FROM_NOTHING, "train.learning_rate": rate})


def _measure(
    run: RunFolder,
    recipe: Recipe,
    table: SampleTable,
    arm: str,
    percent: float,
    config: CurveConfig,
    reporter: Reporter,
) -> _Point:
    smaller = subsample(table, percent / 100, seed=config.seed)
    training = smaller.of("train")
    epochs = epochs_at(percent / 100, recipe.train.epochs, config.epochs_scale)
    probe = recipe.train.mode == "probe"
    effort = "a probe" if probe else counted(epochs, "epoch")
    reporter.say(f"[bold]{arm} on {percent:g} %[/]: {counted(len(training), 'image')}, {effort}")
    root = run.stage_dir(FOLDER) / f"{arm}-{percent:03g}"
    subrun = start_subrun(run, root, recipe_of(recipe, arm, epochs), smaller)
    measured = train_and_measure(subrun, reporter)
    groups = len(set(training.groups_N().tolist()))
    return _Point(arm, percent, len(training), groups, 0 if probe else epochs, measured)


def _record(
    run: RunFolder, recipe: Recipe, points: Sequence[_Point], config: CurveConfig
) -> LearningCurveRecord:
    test = held_out(run)
    metric = recipe.train.metric

    def gain(before: _Point, after: _Point) -> Gain:
        return paired_gain(before.measured, after.measured, test, recipe)

    curve = [p for p in points if p.arm == FINE_TUNED]
    scratch = {p.percent: p for p in points if p.arm == SCRATCH}
    step = None
    if len(curve) > 1:
        before, after = curve[-2:]
        won = gain(before, after)
        step = CurveStep(
            start=before.percent, end=after.percent, gain=won.gain, low=won.low, high=won.high
        )
    return LearningCurveRecord(
        metric=metric,
        data_fingerprint=CheckRecord.read(run.root).fingerprint,
        test_images=len(test),
        test_groups=len(set(test.groups_N().tolist())),
        confidence=recipe.evaluate.confidence,
        rule=_rule_in_words(recipe, config),
        epochs_scale=config.epochs_scale,
        seed=config.seed,
        points=tuple(point.to_part() for point in points),
        step=step,
        advantage=tuple(
            _advantage(p.percent, gain(scratch[p.percent], p))
            for p in curve
            if p.percent in scratch
        ),
        conclusion=conclusion(step, curve[-1].to_part(), metric),
    )


def _advantage(percent: float, won: Gain) -> Advantage:
    return Advantage(percent=percent, gain=won.gain, low=won.low, high=won.high)


def _rule_in_words(recipe: Recipe, config: CurveConfig) -> str:
    smaller = (
        "Smaller sets consist of whole groups, and each set contains the smaller ones; validation "
        "and test images are the same everywhere."
    )
    if recipe.train.mode == "probe":
        return f"At each fraction a probe is fitted on the frozen backbone's features. {smaller}"
    return (
        f"At a fraction f of the training images a training takes ceil({recipe.train.epochs} x "
        f"min(1/f, {MOST_TIMES_THE_EPOCHS:g})^{config.epochs_scale:g}) epochs in batches of "
        f"{recipe.train.batch_size}; early stopping is off and the best epoch on validation is "
        "kept in every arm. Fine-tuning has the recipe's learning rate; training from scratch has "
        f"at least {SCRATCH_RATE:g}, the same for all layers. {smaller}"
    )


def conclusion(step: CurveStep | None, last: CurvePoint, metric: str) -> str:
    """Whether more images would help, in one sentence.

    Args:
        step: Between the last two points; None if there is only one.
        last: The last point.
        metric: The metric's name.
    """
    name = metric.replace("_", " ")
    if step is None or step.gain is None or step.low is None or step.high is None:
        return "At least two fractions are needed to tell whether more images would help."
    gain, low, high = 100 * step.gain, 100 * step.low, 100 * step.high
    value = last.metrics[metric].value or 0.0
    seen = (
        f"From {step.start:g} % to {step.end:g} % of the training images, {name} on the "
        f"test images changed by {gain:+.2f} points ({low:+.2f} to {high:+.2f}), to "
        f"{100 * value:.2f} %"
    )
    if low > 0:
        return f"{seen}: it is still rising, so more images would help."
    if high < 0:
        return (
            f"{seen}: it fell. Check the labels of the added images, and train.json: "
            "the learning rate or the number of epochs may not suit."
        )
    if high < 100 * LITTLE:
        return f"{seen}: more images of the same kind would help little."
    return (
        f"{seen}: these test images cannot tell whether more images would help; "
        "a larger test set could."
    )
