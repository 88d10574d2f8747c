"""Drawings of how training went: by epoch, between the weights, by knowledge kept, by images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from edgefit.records import figures as records
from edgefit.records.comparison import ComparisonRecord
from edgefit.records.learning_curve import LearningCurveRecord
from edgefit.records.train import EpochRow, KeptWeights
from edgefit.report.studies import arm_title
from edgefit.report.svg import ACCENT, BAD, INK, MUTED, SECOND, draw
from edgefit.report.words import metric_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 440
_DASHED = (0, (3, 3))
_ROOM = 0.06


def training_loss(history: Sequence[EpochRow], kept_epoch: int) -> Markup:
    """Training and validation loss by epoch."""

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        epochs = _epochs(axes, history, kept_epoch)
        _line(axes, epochs, _column(row.train_loss for row in history), SECOND, "training")
        _line(
            axes,
            epochs,
            _column(row.validation.get("loss") for row in history),
            ACCENT,
            "validation",
        )
        axes.set_title("Loss")
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")

    return draw("loss", "Training and validation loss by epoch", _WIDTH, 270, paint)


def training_metric(history: Sequence[EpochRow], kept_epoch: int, metric: str) -> Markup:
    """The metric on training and validation images by epoch, in percent, the gap shaded.

    Args:
        history: One row per epoch, with the metric (0 to 1) on validation images and, if it was
            measured, on training images.
        kept_epoch: The epoch that was kept.
        metric: Name of the metric.
    """

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        epochs = _epochs(axes, history, kept_epoch)
        on_training = 100 * _column(row.on_training.get(metric) for row in history)
        on_validation = 100 * _column(row.validation.get(metric) for row in history)
        if not np.isnan(on_training).all():
            axes.fill_between(
                epochs, on_validation, on_training, where=on_training > on_validation,
                color=BAD, alpha=0.16, linewidth=0, label="gap",
            )  # fmt: skip
            _line(axes, epochs, on_training, SECOND, "training")
        _line(axes, epochs, on_validation, ACCENT, "validation")
        chosen = epochs.index(kept_epoch)
        axes.plot([kept_epoch], [on_validation[chosen]], "o", color=ACCENT, markersize=8)
        axes.set_title(f"{metric_title(metric)}, %")
        axes.legend(loc="best")

    title = f"{metric_title(metric)} on training and validation images by epoch"
    return draw("metric", title, _WIDTH, 270, paint)


def learning_rate(history: Sequence[EpochRow], kept_epoch: int) -> Markup:
    """The learning rate of the head at the end of each epoch."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        epochs = _epochs(axes, history, kept_epoch)
        axes.set_yscale("log")
        _line(axes, epochs, _column(row.learning_rate for row in history), ACCENT, "")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:g}"))
        axes.set_title("Learning rate at the end of the epoch")

    return draw("rate", "Learning rate by epoch", _WIDTH, 220, paint)


def interpolation(kept: KeptWeights) -> Markup:
    """The metric along the line from the probe to the fine-tuned weights, the choice marked."""
    assert kept.points and kept.metric is not None and kept.alpha is not None
    metric, chosen, tolerance = kept.metric, kept.alpha, kept.tolerance or 0.0
    alphas = [point.alpha for point in kept.points]
    values = [100 * point.metrics[metric] for point in kept.points]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        if kept.rule == "general":
            axes.axhspan(
                max(values) - 100 * tolerance, max(values),
                color=SECOND, alpha=0.2, linewidth=0, label="within the tolerance",
            )  # fmt: skip
        axes.plot(alphas, values, "-o", color=ACCENT, markersize=4, label="validation")
        value = values[alphas.index(chosen)]
        axes.plot(
            [chosen], [value], "o", markersize=11, markerfacecolor="none",
            markeredgecolor=BAD, markeredgewidth=2, label=f"kept: alpha {chosen:g}",
        )  # fmt: skip
        axes.set_title(f"{metric_title(metric)} on validation, %")
        axes.set_xlabel("alpha: 0 is the probe, 1 the fine-tuned network")
        axes.legend(loc="best")

    title = f"{metric_title(metric)} between the probe and the fine-tuned weights"
    return draw("interpolation", title, _WIDTH, 290, paint)


def knowledge(comparison: ComparisonRecord) -> Markup:
    """The task's metric by general knowledge kept, one point per arm; up and right is better."""
    metric = comparison.metric
    arms = [arm for arm in comparison.arms if arm.kept.linear.value is not None]

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        for arm in arms:
            kept, entry = arm.kept.linear, arm.metrics[metric]
            at = 100 * (kept.value or 0.0), 100 * (entry.value or 0.0)
            axes.errorbar(
                *at,
                xerr=_spreads([kept]), yerr=_spreads([entry]),
                fmt="o", color=ACCENT, markersize=6, elinewidth=0.8, ecolor=MUTED,
            )  # fmt: skip
            axes.annotate(
                arm.name, at,
                xytext=(6, 5), textcoords="offset points", color=INK,
            )  # fmt: skip
        axes.margins(x=0.15, y=_ROOM)
        axes.set_xlabel("general knowledge kept (linear probe, after / before), %")
        axes.set_title(f"{metric_title(metric)} on {comparison.test_images:,} test images, %")

    title = f"{metric_title(metric)} by general knowledge kept, for each remedy"
    return draw("knowledge", title, 560, 360, paint)


def learning_curve(curve: LearningCurveRecord) -> Markup:
    """The metric by the number of training images, a line per arm, with intervals."""
    from matplotlib.ticker import NullLocator

    metric, points = curve.metric, curve.points
    shares = {point.images: point.percent for point in points}

    def paint(figure: Figure) -> None:
        axes = figure.add_subplot()
        arms = dict.fromkeys(point.arm for point in points)
        for arm, colour in zip(arms, (ACCENT, SECOND), strict=False):
            own = [point for point in points if point.arm == arm]
            entries = [point.metrics[metric] for point in own]
            axes.errorbar(
                [point.images for point in own], [100 * (e.value or 0.0) for e in entries],
                yerr=_spreads(entries), fmt="-o", color=colour, markersize=5, capsize=3,
                elinewidth=1, label=arm_title(arm),
            )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(list(shares), [f"{n:,}\n{share:g} %" for n, share in shares.items()])
        axes.set_xlabel("training images")
        axes.set_title(f"{metric_title(metric)} on {curve.test_images:,} test images, %")
        axes.legend(loc="best")

    title = f"{metric_title(metric)} by the number of training images"
    return draw("learning-curve", title, 560, 330, paint)


def _epochs(axes: Axes, history: Sequence[EpochRow], kept_epoch: int) -> list[int]:
    """Set up the epoch axis; mark the kept epoch and shade epochs on smaller images."""
    from matplotlib.ticker import MaxNLocator

    epochs = [row.epoch for row in history]
    small = [row.epoch for row in history if not row.is_same_size(history[-1])]
    if small:
        axes.axvspan(0.5, max(small) + 0.5, color=MUTED, alpha=0.13, linewidth=0)
    axes.axvline(kept_epoch, color=MUTED, linewidth=1, linestyle=_DASHED)
    axes.set_xlim(0.5, max(epochs) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True))
    axes.grid(axis="x", visible=False)
    axes.set_xlabel("epoch")
    return epochs


def _column(values: Iterable[float | None]) -> NDArray[np.float64]:
    """A column of the history, NaN if it was not measured."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _line(axes: Axes, x: Sequence[int], y: NDArray[np.float64], colour: str, label: str) -> None:
    axes.plot(x, y, "-o", color=colour, markersize=3.5, label=label)


def _spreads(entries: Sequence[records.Figure]) -> list[list[float]]:
    """Distances from values down and up to their intervals, in percent: two rows, N columns."""
    return [
        [_distance(e.low, e.value) for e in entries],
        [_distance(e.value, e.high) for e in entries],
    ]


def _distance(lower: float | None, upper: float | None) -> float:
    return 0.0 if lower is None or upper is None else 100 * max(0.0, upper - lower)
